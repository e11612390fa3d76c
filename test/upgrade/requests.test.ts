import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Progress } from '../../src/upgrade/progress.ts'
import type { Task } from '../../src/upgrade/task.ts'
import { createUpgrades, type Upgrades } from '../../src/upgrade/upgrades.ts'
import { caPin } from '../fake-docker/ca.ts'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { TogetherClock } from './together.ts'
import { begin, recordOf, state, taskOf, toolsOf, unitsOf, walk, when } from './walk.ts'

const other = 'v1.35.3'
const otherPin = `sha256:${'0'.repeat(64)}`

async function ask(upgrades: Upgrades, task: Task): Promise<Progress> {
  upgrades.start(task)
  await nextTurn()
  return upgrades.sync(task)
}

// Asks until the answer is what is waited for.
async function until(upgrades: Upgrades, task: Task, isIt: (progress: Progress) => boolean): Promise<Progress> {
  for (;;) {
    const progress = await ask(upgrades, task)
    if (isIt(progress)) return progress
  }
}

const isEnd = ({ phase }: Progress) => phase !== 'InProgress'
const isWaitingFor = (what: string) => (progress: Progress) => progress.message.includes(what)

// As long as it is not called, the request is not made to the process of these upgrades.
function sinceRequestedOn(lab: Lab) {
  const from = lab.clock.monotonic()
  return () => (lab.clock.monotonic() - from) / 1000
}

test('a version that is taken back gives way at once while nothing was changed', async () => {
  // The control plane is old, so the worker waits.
  const lab = startQuickLab('cp-1', 'w-1')
  const upgrades = createUpgrades(toolsOf(lab))
  await until(upgrades, taskOf('w-1'), isWaitingFor('every API server'))
  const began = lab.clock.monotonic()
  expect(await until(upgrades, taskOf('w-1', { version: old }), isEnd)).toMatchObject({ phase: 'Done' })
  expect((lab.clock.monotonic() - began) / 1000).toBeLessThan(60)
  expect(lab.machine('w-1').kubelet.version).toBe(old)
})

test('of two versions that are requested in turns the newest stays', async () => {
  const lab = startWorkersLab('w-1')
  const { units } = lab.machine('w-1')
  units.hold('binaries')
  const clock = new TogetherClock(lab.clock)
  const replicas = [createUpgrades(toolsOf(lab, { clock })), createUpgrades(toolsOf(lab, { clock }))]
  const heard = await inTurns(replicas, clock, 60)
  expect(heard.every(isWaitingFor('OTHER_UPGRADE'))).toBe(true)
  const { events = [], ...record } = recordOf(lab, 'w-1') ?? {}
  expect(record).toMatchObject({ state: 'open', request: { target }, superseded: [other] })
  expect(events.filter(({ event }) => /^(begun|replaced)/.test(event))).toHaveLength(2)
  units.release('binaries')
  await inTurns(replicas, clock, 60)
  expect(recordOf(lab, 'w-1')).toMatchObject({ state: 'done', request: { target } })
  expect(lab.machine('w-1').kubelet.version).toBe(target)
})

test('of two versions that are requested in turns the older does not begin when the newer has failed', async () => {
  const lab = startWorkersLab('w-1')
  lab.machine('w-1').units.fail('binaries', { exitCode: 41, log: 'failed: kubeadm\n' }, 1000)
  const clock = new TogetherClock(lab.clock)
  const replicas = [createUpgrades(toolsOf(lab, { clock })), createUpgrades(toolsOf(lab, { clock }))]
  await inTurns(replicas, clock, 60)
  // The newer one rests for 10 s, for 20 s, and then for an hour.
  expect(recordOf(lab, 'w-1')).toMatchObject({ request: { target }, failure: { count: 3 }, superseded: [other] })
  expect(unitsOf(lab, 'w-1')).toHaveLength(1 + 3)
})

test('a request that had to stand back has the whole time of each step when it begins again', async () => {
  const lab = startWorkersLab('w-1')
  lab.machine('w-1').units.hold('binaries')
  const sources = { images: 'pull' } as const
  const older = begin(lab, 'w-1', { version: other, sources })
  let newer = older
  lab.clock.after(10, () => {
    newer = begin(lab, 'w-1', { sources })
  })
  // The newer one has failed by then: its step had 15 minutes.
  lab.clock.after(1300, () => lab.machine('w-1').units.release('binaries'))
  await older.ended
  expect(newer.run.progress.phase).toBe('Failed')
  expect(older.reports).toContain('OTHER_UPGRADE')
  expect(older.run.progress).toMatchObject({ phase: 'Done', message: `at ${other}` })
})

// An older and a newer version are requested of each replica every two seconds. What the older one gets last.
async function inTurns(replicas: Upgrades[], clock: TogetherClock, seconds: number): Promise<Progress[]> {
  const [older, newer] = [taskOf('w-1', { version: other }), taskOf('w-1')]
  let heard: Progress[] = []
  for (let second = 0; second < seconds; second += 2) {
    heard = []
    for (const upgrades of replicas) {
      for (const task of [older, newer]) upgrades.start(task)
      await clock.pass(2)
      heard.push(await upgrades.sync(older))
      await upgrades.sync(newer)
    }
  }
  return heard
}

test('an attempt that is not requested any more and has changed nothing ends, and leaves no unit', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('binaries')
  const before = lab.clock.monotonic()
  const { reports } = await walk(lab, 'w-1', { sinceRequested: sinceRequestedOn(lab) })
  expect(reports.at(-1)).toBe('binaries: the download')
  expect((lab.clock.monotonic() - before) / 60_000).toBeLessThan(10)
  expect(recordOf(lab, 'w-1')).toMatchObject({ state: 'withdrawn', changed: false, step: null })
  expect(machine.units.names).toEqual([])
  expect(machine.isDirectory(`${state}/work`)).toBe(false)
  machine.units.release('binaries')
  expect((await walk(lab, 'w-1')).run.progress.phase).toBe('Done')
})

test('an attempt that is still requested of another replica goes on there', async () => {
  const lab = startWorkersLab('w-1')
  lab.machine('w-1').units.hold('binaries')
  const forgotten = begin(lab, 'w-1', { sinceRequested: sinceRequestedOn(lab) })
  const asked = begin(lab, 'w-1')
  await forgotten.ended
  expect(forgotten.run.progress.phase).toBe('InProgress')
  expect(recordOf(lab, 'w-1')).toMatchObject({ state: 'open' })
  lab.machine('w-1').units.release('binaries')
  await asked.ended
  expect(asked.run.progress.phase).toBe('Done')
  expect(unitsOf(lab, 'w-1')).toEqual(['binaries', 'images', 'kubeadm', 'kubelet'])
})

test('an attempt that is not requested any more and has changed something goes on to its end', async () => {
  const lab = startWorkersLab('w-1')
  const { units } = lab.machine('w-1')
  units.hold('kubeadm')
  when(lab, 'w-1', 'start unit kubeadm', () => lab.clock.after(900, () => units.release('kubeadm')))
  const { run } = await walk(lab, 'w-1', { sinceRequested: sinceRequestedOn(lab) })
  expect(run.progress.phase).toBe('Done')
  expect(recordOf(lab, 'w-1')).toMatchObject({ state: 'done', request: { target } })
})

test.each<[string, string, Partial<Task>]>([
  ['another cluster', 'CONTAINER_OF_OTHER_CLUSTER', { cluster: 'other' }],
  ['another role', 'CONTAINER_ROLE', { role: 'control-plane' }],
  ['another CA', 'CONTAINER_CA', { caCertHashes: [otherPin] }],
  ['no CA', 'CONTAINER_CA', { caCertHashes: [] }],
])('a request of %s is refused while the right one is under way, and after it: %s', async (_whose, code, claim) => {
  const lab = startWorkersLab('w-1')
  const { units } = lab.machine('w-1')
  const upgrades = createUpgrades(toolsOf(lab))
  const right = taskOf('w-1', { caCertHashes: [caPin] })
  const wrong = { ...right, ...claim }
  units.hold('binaries')
  await until(upgrades, right, isWaitingFor('the download'))
  for (const progress of [await ask(upgrades, wrong), await until(upgrades, wrong, isEnd)]) {
    expect(progress.message).not.toContain('the download')
  }
  expect(await until(upgrades, wrong, isEnd)).toMatchObject({ phase: 'Failed', error: { code } })
  units.release('binaries')
  expect(await until(upgrades, right, isEnd)).toMatchObject({ phase: 'Done' })
  expect(await until(upgrades, wrong, isEnd)).toMatchObject({ phase: 'Failed', error: { code } })
})

test('a pin may be written in capitals, as kubeadm takes it', async () => {
  const { run } = await walk(startWorkersLab('w-1'), 'w-1', { caCertHashes: [caPin.toUpperCase()] })
  expect(run.progress.phase).toBe('Done')
})
