import { expect, test } from 'vitest'
import { MachineUpgrade } from '../../src/upgrade/machine-upgrade.ts'
import { type Lab, putAtTarget, startQuickLab } from '../fake-docker/lab.ts'
import { TogetherClock } from './together.ts'
import { recordOf, taskOf, toolsOf, walk } from './walk.ts'

// Two replicas with requests for the same machines.
function startReplicas(lab: Lab, names: string[]): TogetherClock {
  const clock = new TogetherClock(lab.clock)
  for (let replica = 0; replica < 2; replica += 1) {
    const tools = toolsOf(lab, { clock })
    for (const name of names) void new MachineUpgrade(taskOf(name), tools, () => 0).toEnd()
  }
  return clock
}

function execsOn(lab: Lab): number {
  return lab.cluster.machines.reduce((sum, { commands }) => sum + commands.length, 0)
}

test('ten workers that wait for three control plane machines cost two execs a second at most', async () => {
  const workers = Array.from({ length: 10 }, (_, i) => `w-${i + 1}`)
  const lab = startQuickLab('cp-1', 'cp-2', 'cp-3', ...workers)
  for (const name of ['cp-1', 'cp-2']) putAtTarget(lab, name)
  const clock = startReplicas(lab, workers)
  await clock.pass(120)
  const before = execsOn(lab)
  await clock.pass(600)
  const each = (execsOn(lab) - before) / 600
  expect(each).toBeLessThan(2)
  // They do look.
  expect(each).toBeGreaterThan(0.5)
  for (const name of workers) expect(lab.machine(name).units.starts).toHaveLength(2)
})

test.each([
  ['binaries', 2],
  ['images', 2],
  ['kubeadm', 2],
])('a machine that waits in %s is looked at by one exec every %i s', async (step, seconds) => {
  const lab = startQuickLab('cp-1', 'cp-2', 'cp-3')
  const machine = lab.machine('cp-1')
  machine.units.hold(step)
  const clock = new TogetherClock(lab.clock)
  void new MachineUpgrade(taskOf('cp-1'), toolsOf(lab, { clock }), () => 0).toEnd()
  await clock.pass(120)
  expect(machine.units.running).toEqual([`capd-kubeadm-upgrader-${step}`])
  const [own, all] = [machine.commands.length, execsOn(lab)]
  await clock.pass(600)
  // A note once a minute takes a change and another look.
  expect(machine.commands.length - own).toBeLessThanOrEqual(600 / seconds + 22)
  // The two other members are looked at when their state is needed, and then less often.
  expect(execsOn(lab) - all).toBeLessThanOrEqual(600 / seconds + 22 + 2 * 61)
})

test('the effect of a call is looked for at once', async () => {
  const lab = startQuickLab('cp-1')
  await walk(lab, 'cp-1')
  const events = recordOf(lab, 'cp-1')?.events ?? []
  const at = (step: string) => events.find((event) => event.step === step && event.event === 'started')?.at
  expect(at('image-list')).toBeTypeOf('number')
  expect(at('image-archive')).toBe(at('image-list'))
})
