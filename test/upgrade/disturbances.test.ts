import { expect, test } from 'vitest'
import { observingMessage } from '../../src/upgrade/progress.ts'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { begin, recordFile, unitsOf, walk, ways } from './walk.ts'

const day = 24 * 3600
const days = ways.flatMap(([name, exchange, units]) =>
  [day, -day].map((seconds) => [seconds, name, exchange, units] as const),
)

function labFor(name: string): Lab {
  return name === 'w-1' ? startWorkersLab('w-1') : startQuickLab('cp-1')
}

// The kubelets report to the API now and then.
function keepReporting({ clock, cluster }: Lab): void {
  for (const [name, node] of cluster.nodes) cluster.nodes.set(name, { ...node, heartbeat: clock.now() })
  clock.after(10, () => keepReporting({ clock, cluster } as Lab))
}

test.each(
  days,
)('a clock that is set by %i s changes nothing for %s, %s, whenever it is', async (seconds, name, exchange, units) => {
  for (let moment = 1; moment < 40; moment += 3) {
    const lab = labFor(name)
    keepReporting(lab)
    lab.clock.after(moment, () => lab.clock.jump(seconds))
    const began = lab.clock.monotonic()
    const { run } = await walk(lab, name, { settings: { exchange } })
    expect({ moment, phase: run.progress.phase, units: unitsOf(lab, name) }).toEqual({ moment, phase: 'Done', units })
    expect((lab.clock.monotonic() - began) / 1000).toBeLessThan(120)
  }
})

test.each([
  day,
  -day,
])('a failure that was noted before the clock was set by %i s rests as long as any', async (seconds) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', { exitCode: 41, log: 'failed: kubeadm\n' })
  await walk(lab, 'cp-1')
  lab.clock.jump(seconds)
  lab.clock.pass(8)
  expect((await walk(lab, 'cp-1')).run.progress.phase).toBe('Failed')
  lab.clock.pass(3)
  expect((await walk(lab, 'cp-1')).run.progress.phase).toBe('Done')
})

test.each([day, -day])('a wait ends at its limit and not before, though the clock is set by %i s', async (seconds) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.hold('binaries')
  lab.clock.after(60, () => lab.clock.jump(seconds))
  const began = lab.clock.monotonic()
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress).toMatchObject({ phase: 'Failed', step: 'binaries' })
  expect((lab.clock.monotonic() - began) / 60_000).toBeCloseTo(15, 0)
})

// All machines of an engine share its host: they are started again, and what ran in them is gone.
test.each(
  ways,
)('an upgrade of %s, %s, goes on after the host has booted, whenever it does', async (name, exchange, units) => {
  const settings = { exchange }
  for (let moment = 1; moment < 60; moment += 2) {
    const lab = labFor(name)
    const machine = lab.machine(name)
    const first = begin(lab, name, { settings })
    lab.clock.after(moment, () => {
      lab.clock.stop()
      machine.units.clear()
      machine.bootId = 'boot-2'
      machine.restartKubelet()
    })
    await first.ended
    if (first.run.progress.phase === 'Done') break
    lab.clock.resume()
    const { run } = await walk(lab, name, { settings })
    expect({ moment, phase: run.progress.phase }).toEqual({ moment, phase: 'Done' })
    expect(machine.kubelet.version).toBe(target)
    expect(machine.units.names).toEqual([])
    // Those that were cut off are started once more: images may be loading next to another unit.
    expect(unitsOf(lab, name).length).toBeLessThanOrEqual(units.length + (exchange === 'together' ? 2 : 1))
  }
})

test('what the API server refuses is named with its reason, while it lasts and at the end', async () => {
  const lab = startQuickLab('cp-1')
  const get = lab.cluster.get.bind(lab.cluster)
  const stderr = 'Error from server (Forbidden): configmaps "kubeadm-config" is forbidden: User "x" cannot get it\n'
  lab.cluster.get = (from, path) =>
    path.includes('configmaps/kubeadm-config') ? { exitCode: 1, stdout: '', stderr } : get(from, path)
  const { run, reports } = await walk(lab, 'cp-1')
  const wait = reports.find((report) => report.startsWith('kubeadm-config: '))
  expect(wait).toContain('configmaps "kubeadm-config" is forbidden')
  expect(run.progress.error).toMatchObject({ code: 'STEP_TIME_LIMIT' })
  expect(run.progress.error?.values.waitsFor).toContain('is forbidden')
})

test('a disk that is full from the start is reported as that, ends, and is no longer in the way when it is not', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.diskIsFull = true
  const began = lab.clock.monotonic()
  const { run, reports } = await walk(lab, 'w-1')
  expect(run.progress).toMatchObject({ phase: 'Failed', error: { code: 'DISK_FULL' } })
  expect(new Set(reports)).toEqual(new Set([observingMessage, 'DISK_FULL']))
  expect((lab.clock.monotonic() - began) / 60_000).toBeLessThan(15)
  expect(machine.files.has(recordFile)).toBe(false)
  machine.diskIsFull = false
  expect((await walk(lab, 'w-1')).run.progress.phase).toBe('Done')
})

test.each([2, 6, 9, 12, 15])('a disk that is full after %i s is reported as that and ends', async (seconds) => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  lab.clock.after(seconds, () => {
    machine.diskIsFull = true
  })
  const began = lab.clock.monotonic()
  const { run } = await walk(lab, 'w-1')
  expect(run.progress).toMatchObject({ phase: 'Failed', error: { code: 'DISK_FULL' } })
  expect((lab.clock.monotonic() - began) / 60_000).toBeLessThan(60)
  machine.diskIsFull = false
  lab.clock.pass(4000)
  expect((await walk(lab, 'w-1')).run.progress.phase).toBe('Done')
})
