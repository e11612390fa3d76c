import { expect, test } from 'vitest'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { begin, walk } from './walk.ts'

const other = 'v1.35.3'

// Images that are pulled are those that the cluster needs, whatever the machine's own target.
const sources = { images: 'pull' } as const

// Calls back at the moment at which the effect is first seen.
function when(lab: Lab, name: string, effect: string, happen: () => void): void {
  const look = () => (lab.machine(name).effects.includes(effect) ? happen() : lab.clock.after(0.5, look))
  lab.clock.after(0.5, look)
}

test('kubeadm that failed is not started again by the other replica, and both report it', async () => {
  const lab = startQuickLab('cp-1')
  const { units, effects } = lab.machine('cp-1')
  units.fail('kubeadm', { exitCode: 1, log: 'error: no\n' }, 5)
  const walks = [begin(lab, 'cp-1'), begin(lab, 'cp-1')]
  await Promise.all(walks.map(({ ended }) => ended))
  expect(units.starts.filter((unit) => unit.includes('kubeadm-upgrader-kubeadm'))).toHaveLength(1)
  for (const { run } of walks) expect(run.progress.error?.code).toBe('KUBEADM_FAILED')
  // Whoever finds no unit finds the failure.
  const [noted, forgotten] = ['note kubeadm failed KUBEADM_FAILED', 'reset-failed capd-kubeadm-upgrader-kubeadm']
  expect(effects).toContain(forgotten)
  expect(effects.indexOf(noted)).toBeLessThan(effects.indexOf(forgotten as string))
})

test.each([
  0, 1, 20, 60, 149,
])('a kubelet that was put back is not exchanged by a replica %i s behind', async (seconds) => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.brokenKubelets.add(target)
  const walks = [begin(lab, 'w-1')]
  when(lab, 'w-1', 'start unit kubelet', () => lab.clock.after(seconds, () => walks.push(begin(lab, 'w-1'))))
  await walks[0]?.ended
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks).toHaveLength(2)
  for (const { run } of walks) expect(run.progress.error?.code).toBe('KUBELET_NOT_UP')
  const kubelets = machine.effects.filter((effect) => effect.startsWith('kubelet '))
  // Two that give up at the same moment put the same one back.
  expect([...new Set(kubelets)]).toEqual([`kubelet ${target} starts`, `kubelet ${old} starts`])
  expect(kubelets.filter((effect) => effect === `kubelet ${target} starts`)).toHaveLength(1)
  expect(kubelets.at(-1)).toBe(`kubelet ${old} starts`)
  lab.clock.pass(10)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
})

test('of two versions one waits until the other has ended', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  const walks = [begin(lab, 'w-1', { version: other, sources }), begin(lab, 'w-1', { sources })]
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks.map(({ run }) => run.progress.message)).toEqual([`at ${other}`, `at ${target}`])
  expect(walks[1]?.messages.join()).toContain(`Another upgrade of w-1, to ${other}, is still running.`)
  const ended = machine.effects.indexOf('note upgrade ended')
  const kubelets = machine.effects.filter((effect) => effect.startsWith('kubelet '))
  expect(kubelets).toEqual([`kubelet ${other} starts`, `kubelet ${target} starts`])
  expect(machine.effects.indexOf(`kubelet ${target} starts`)).toBeGreaterThan(ended)
  expect(machine.effects.slice(0, ended).filter((effect) => effect === 'start unit kubeadm')).toHaveLength(1)
})

test('a version that comes while another is under way waits for it, at whatever moment it comes', async () => {
  for (let second = 1; second < 24; second += 1) {
    const lab = startWorkersLab('w-1')
    const machine = lab.machine('w-1')
    const walks = [begin(lab, 'w-1', { version: other, sources })]
    lab.clock.after(second, () => walks.push(begin(lab, 'w-1', { sources })))
    await walks[0]?.ended
    await Promise.all(walks.map(({ ended }) => ended))
    const kubelets = machine.effects.filter((effect) => /^(kubelet|note upgrade ended)/.test(effect))
    expect({ second, kubelets }).toEqual({
      second,
      kubelets: [
        `kubelet ${other} starts`,
        'note upgrade ended',
        `kubelet ${target} starts`,
        ...(walks.length > 1 ? ['note upgrade ended'] : []),
      ].slice(0, walks.length * 2),
    })
  }
})

test('kubeadm that still runs for an attempt that was abandoned is waited for', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('kubeadm')
  const first = begin(lab, 'w-1', { version: other, sources })
  when(lab, 'w-1', 'start unit kubeadm', () => lab.clock.stop())
  await first.ended
  // The process is gone, and nobody has asked for that version since.
  lab.clock.resume()
  lab.clock.pass(700)
  const second = begin(lab, 'w-1', { sources })
  lab.clock.after(120, () => {
    expect(second.run.progress.message).toBe(
      `step 6 of 9, running kubeadm upgrade node: Another upgrade of w-1, to ${other}, is still running. (OTHER_UPGRADE)`,
    )
    machine.units.release('kubeadm')
  })
  await second.ended
  expect(second.run.progress.message).toBe(`at ${target}`)
  expect(machine.effects.filter((effect) => effect === 'start unit kubeadm')).toHaveLength(2)
})

test('a failure that was noted but not forgotten in the machine is not lost', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.fail('kubeadm', { exitCode: 1, log: 'error: no\n' })
  const forget = machine.units.resetFailed.bind(machine.units)
  machine.units.resetFailed = () => ({ exitCode: 1, stdout: '', stderr: '' })
  expect((await walk(lab, 'w-1')).run.progress.phase).toBe('Failed')
  machine.units.resetFailed = forget
  lab.clock.pass(11)
  // It is reported once more, and then there is another attempt.
  expect((await walk(lab, 'w-1')).run.progress.error?.code).toBe('KUBEADM_FAILED')
  lab.clock.pass(21)
  expect((await walk(lab, 'w-1')).run.progress.message).toBe(`at ${target}`)
})
