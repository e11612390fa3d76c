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
  ['exchange', 1],
  ['kubeadm', 2],
])('while the unit of %s runs, one exec every %i s looks at it, and no other machine is looked at', async (step, seconds) => {
  const lab = startQuickLab('cp-1', 'cp-2', 'cp-3')
  const machine = lab.machine('cp-1')
  machine.units.hold(step)
  const clock = new TogetherClock(lab.clock)
  // Pulled images are not loaded next to other steps.
  const tools = toolsOf(lab, { clock, sources: step === 'images' ? { images: 'pull' } : {} })
  void new MachineUpgrade(taskOf('cp-1'), tools, () => 0).toEnd()
  await clock.pass(60)
  expect(machine.units.running).toEqual([`capd-kubeadm-upgrader-${step}`])
  const [own, all] = [machine.commands.length, execsOn(lab)]
  await clock.pass(240)
  const looks = machine.commands.length - own
  // A note once a minute takes a change and another look.
  expect(looks).toBeLessThanOrEqual(240 / seconds + 10)
  expect(looks).toBeGreaterThan(240 / seconds - 10)
  expect(execsOn(lab) - all).toBe(looks)
  const sections = new Set(machine.commands.slice(own).map(sectionsOf))
  expect(sections).toEqual(new Set(['units work', undefined]))
})

// The sections that a look at a machine covers; undefined for a change.
function sectionsOf([, , , script, , , sections]: readonly string[]): string | undefined {
  return script === 'observe.sh' ? sections : undefined
}

test('the effect of a call is looked for at once', async () => {
  const lab = startQuickLab('cp-1')
  await walk(lab, 'cp-1')
  const events = recordOf(lab, 'cp-1')?.events ?? []
  const at = (step: string) => events.find((event) => event.step === step && event.event === 'started')?.at
  expect(at('image-list')).toBeTypeOf('number')
  expect(at('image-archive')).toBe(at('image-list'))
})
