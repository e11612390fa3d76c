import { expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { begin, recordOf, unitsOf, walk, when } from './walk.ts'

const other = 'v1.35.3'
const otherUpgrade = new UpgradeError('OTHER_UPGRADE', { machine: 'w-1', version: other })

// Images that are pulled are those that the cluster needs, whatever the machine's own target.
const sources = { images: 'pull' } as const

function kubelets(effects: string[]): string[] {
  return effects.filter((effect) => effect.startsWith('kubelet '))
}

test('kubeadm that failed is not started again by the other replica, and both report it', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('kubeadm', { exitCode: 1, log: 'error: no\n' }, 5)
  const walks = [begin(lab, 'cp-1'), begin(lab, 'cp-1')]
  await Promise.all(walks.map(({ ended }) => ended))
  expect(unitsOf(lab, 'cp-1').filter((unit) => unit === 'kubeadm')).toHaveLength(1)
  const errors = walks.map(({ run }) => run.progress.error)
  expect(errors.map((error) => error?.code)).toEqual(['KUBEADM_FAILED', 'KUBEADM_FAILED'])
  expect(errors[1]?.message).toBe(errors[0]?.message)
  expect(recordOf(lab, 'cp-1')).toMatchObject({ state: 'failed', failure: { code: 'KUBEADM_FAILED', count: 1 } })
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
  // The lock of the machine lets one of them put it back, once.
  expect(kubelets(machine.effects)).toEqual([`kubelet ${target} starts`, `kubelet ${old} starts`])
  lab.clock.pass(5)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
})

test('of two versions the newer request wins while nothing was changed, and the older is told so', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('binaries')
  const walks = [begin(lab, 'w-1', { version: other, sources })]
  lab.clock.after(10, () => walks.push(begin(lab, 'w-1', { sources })))
  lab.clock.after(30, () => machine.units.release('binaries'))
  await walks[0]?.ended
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks[0]?.reports).toContain('OTHER_UPGRADE')
  expect(walks[0]?.run.progress.error?.code).toBe('MACHINE_NEWER')
  expect(walks[1]?.run.progress.message).toBe(`at ${target}`)
  expect(kubelets(machine.effects)).toEqual([`kubelet ${target} starts`])
})

test('a newer request first brings an attempt that has changed something to its end', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('kubeadm')
  const walks = [begin(lab, 'w-1', { version: other, sources })]
  when(lab, 'w-1', 'start unit kubeadm', () => walks.push(begin(lab, 'w-1', { sources })))
  when(lab, 'w-1', 'start unit kubeadm', () => lab.clock.after(60, () => machine.units.release('kubeadm')))
  await walks[0]?.ended
  await Promise.all(walks.map(({ ended }) => ended))
  // The older one ends as done, or finds the newer one at work and does not push it aside.
  expect(walks[0]?.run.progress.message).toMatch(/^at v1\.35\.3$|\(MACHINE_NEWER\)$/)
  expect(walks[1]?.run.progress.message).toBe(`at ${target}`)
  expect(walks[1]?.messages.join()).toContain(otherUpgrade.message)
  expect(kubelets(machine.effects)).toEqual([`kubelet ${other} starts`, `kubelet ${target} starts`])
})

test('at whatever moment a newer version comes, one program after the other is put in place', async () => {
  for (let second = 1; second < 24; second += 1) {
    const lab = startWorkersLab('w-1')
    const machine = lab.machine('w-1')
    const walks = [begin(lab, 'w-1', { version: other, sources })]
    lab.clock.after(second, () => walks.push(begin(lab, 'w-1', { sources })))
    await walks[0]?.ended
    await Promise.all(walks.map(({ ended }) => ended))
    // Where the first had ended before, the second begins now.
    if (walks.length === 1) await walk(lab, 'w-1', { sources })
    const [first, ...more] = kubelets(machine.effects).reverse()
    expect({ second, first }).toEqual({ second, first: `kubelet ${target} starts` })
    expect([[], [`kubelet ${other} starts`]]).toContainEqual(more)
    expect(recordOf(lab, 'w-1')).toMatchObject({ state: 'done', request: { target } })
    expect(unitsOf(lab, 'w-1').filter((unit) => unit === 'kubeadm')).toHaveLength(more.length + 1)
  }
})

test('kubeadm that still runs for an attempt that was abandoned is waited for', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('kubeadm')
  const first = begin(lab, 'w-1', { version: other, sources })
  when(lab, 'w-1', 'start unit kubeadm', () => lab.clock.stop())
  await first.ended
  // The process is gone, and that version was not requested since.
  lab.clock.resume()
  lab.clock.pass(700)
  const second = begin(lab, 'w-1', { sources })
  lab.clock.after(120, () => {
    expect(second.run.progress).toMatchObject({ phase: 'InProgress', step: 'kubeadm' })
    expect(second.run.progress.message).toContain(otherUpgrade.message)
    machine.units.release('kubeadm')
  })
  await second.ended
  expect(second.run.progress.message).toBe(`at ${target}`)
  expect(unitsOf(lab, 'w-1').filter((unit) => unit === 'kubeadm')).toHaveLength(2)
})

test('kubeadm that runs while the record is lost is not started a second time', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('kubeadm')
  const first = begin(lab, 'w-1')
  when(lab, 'w-1', 'start unit kubeadm', () => lab.clock.stop())
  await first.ended
  lab.clock.resume()
  machine.files.delete('/var/lib/capd-kubeadm-upgrader/attempt.json')
  const second = begin(lab, 'w-1')
  lab.clock.after(120, () => {
    expect(unitsOf(lab, 'w-1').filter((unit) => unit === 'kubeadm')).toHaveLength(1)
    machine.units.release('kubeadm')
  })
  await second.ended
  expect(second.run.progress.message).toBe(`at ${target}`)
})
