import { expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { addMachine, startLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { Refusal } from '../fake-docker/reply.ts'
import { begin, unitsOf, walk } from './walk.ts'

test('an engine that is not there when the walk begins is waited for', async () => {
  const lab = await startLab('cp-1')
  await lab.fake.down()
  const walked = begin(lab, 'cp-1')
  lab.clock.after(60, () => void lab.fake.up())
  await walked.ended
  expect(walked.reports.slice(0, 2)).toEqual(['ENGINE_UNREACHABLE', 'binaries: the download'])
  expect(walked.run.progress.phase).toBe('Done')
})

test.each([
  [503, 'ENGINE_UNREACHABLE'],
  [500, 'ENGINE_REFUSED'],
])('an engine that answers %i for a while costs nothing but time: %s', async (status, code) => {
  const lab = await startLab('cp-1')
  lab.machine('cp-1').units.hold('binaries')
  const walked = begin(lab, 'cp-1')
  // In the middle of a step, and back when its unit has long ended.
  lab.clock.after(5, () => {
    lab.fake.fault = () => new Refusal(status, 'the engine is starting')
  })
  lab.clock.after(20, () => lab.machine('cp-1').units.release('binaries'))
  lab.clock.after(300, () => {
    lab.fake.fault = () => undefined
  })
  await walked.ended
  expect(walked.run.progress.phase).toBe('Done')
  expect(walked.reports).toContain(`binaries: ${code}`)
  const starts = lab.machine('cp-1').units.starts
  expect(starts.filter((unit) => unit.includes('binaries'))).toHaveLength(1)
})

test('an engine that stays away is a failure after ten minutes', async () => {
  const lab = await startLab('cp-1')
  await lab.fake.down()
  const began = lab.clock.monotonic()
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress).toMatchObject({
    phase: 'Failed',
    message: new UpgradeError('ENGINE_UNREACHABLE').message,
  })
  expect((lab.clock.monotonic() - began) / 60_000).toBeCloseTo(10, 0)
})

test('a process that is ending does not wait for an engine that is away', async () => {
  const lab = await startLab('cp-1')
  await lab.fake.down()
  const walked = begin(lab, 'cp-1')
  lab.clock.after(60, () => lab.clock.stop())
  await walked.ended
  expect(walked.run.progress.phase).toBe('InProgress')
})

test.each([
  ['paused', { paused: true }, { paused: false }, 'CONTAINER_PAUSED'],
  ['stopped', { running: false }, { running: true }, 'CONTAINER_STOPPED'],
])('a machine that is %s for a while goes on afterwards', async (_state, away, back, code) => {
  const lab = startWorkersLab('w-1')
  lab.machine('w-1').units.hold('binaries')
  lab.clock.after(5, () => Object.assign(lab.fake.container('w-1'), away))
  lab.clock.after(300, () => {
    Object.assign(lab.fake.container('w-1'), back)
    lab.machine('w-1').units.release('binaries')
  })
  const { run, reports } = await walk(lab, 'w-1')
  expect(reports).toContain(`binaries: ${code}`)
  expect(run.progress.phase).toBe('Done')
})

test.each([
  ['paused', { paused: true }, 'CONTAINER_PAUSED'],
  ['stopped', { running: false }, 'CONTAINER_STOPPED'],
])('a machine that stays %s is a failure after ten minutes, and untouched', async (_state, away, code) => {
  const lab = startWorkersLab('w-1')
  Object.assign(lab.fake.container('w-1'), away)
  const { run } = await walk(lab, 'w-1')
  expect(run.progress.phase).toBe('Failed')
  expect(run.progress.error?.code).toBe(code)
  expect(lab.machine('w-1').commands).toEqual([])
})

test('a machine that was restarted has lost its units, and the walk starts what is missing', async () => {
  const lab = startWorkersLab('w-1')
  lab.machine('w-1').units.hold('binaries')
  const walked = begin(lab, 'w-1')
  lab.clock.after(5, () => Object.assign(lab.fake.container('w-1'), { running: false }))
  lab.clock.after(60, () => {
    lab.machine('w-1').units.clear()
    lab.machine('w-1').units.release('binaries')
    Object.assign(lab.fake.container('w-1'), { running: true })
  })
  await walked.ended
  expect(walked.run.progress.phase).toBe('Done')
  expect(unitsOf(lab, 'w-1')).toEqual(['binaries', 'binaries', 'images', 'kubeadm', 'kubelet'])
})

test('a machine that is removed in the middle needs a person', async () => {
  const lab = startWorkersLab('w-1')
  lab.clock.after(5, () => lab.fake.containers.splice(0))
  const { run } = await walk(lab, 'w-1')
  expect(run.progress).toMatchObject({
    phase: 'Failed',
    error: { code: 'CONTAINER_MISSING', values: { name: 'w-1' } },
  })
})

test('a machine that is made again in the middle is upgraded from the beginning', async () => {
  const lab = startWorkersLab('w-1')
  lab.clock.after(30, () => {
    const index = lab.fake.containers.findIndex(({ name }) => name === 'w-1')
    lab.fake.containers.splice(index, 1)
    addMachine(lab, 'w-1')
  })
  const { run } = await walk(lab, 'w-1')
  expect(run.progress.phase).toBe('Done')
  expect(unitsOf(lab, 'w-1')).toEqual(['binaries', 'images', 'kubeadm', 'kubelet'])
  expect(lab.machine('w-1').kubelet.version).toBe(target)
})

test('a container that is another one from the start is left alone', async () => {
  const lab = startWorkersLab('w-1')
  lab.fake.container('w-1').labels['io.x-k8s.kind.cluster'] = 'other'
  const { run } = await walk(lab, 'w-1')
  expect(run.progress).toMatchObject({
    phase: 'Failed',
    error: { code: 'CONTAINER_OF_OTHER_CLUSTER', values: { name: 'w-1', cluster: 'lab' } },
  })
  expect(lab.machine('w-1').commands).toEqual([])
  expect(lab.machine('w-1').kubelet.version).toBe(old)
})

test('an error that is not known is a failure, not silence', async () => {
  const lab = startWorkersLab('w-1')
  const engine = { ...lab.engine, inspect: () => Promise.reject(new TypeError('a bug')) }
  const { run } = await walk(lab, 'w-1', { engine })
  expect(run.progress.error?.code).toBe('UNEXPECTED')
  expect(run.progress.error?.cause).toEqual(new TypeError('a bug'))
})
