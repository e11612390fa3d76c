import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { Clock } from '../../src/upgrade/clock.ts'
import { observingMessage } from '../../src/upgrade/progress.ts'
import { createUpgrades, mostEntries } from '../../src/upgrade/upgrades.ts'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { taskOf, toolsOf, when } from './walk.ts'

const task = taskOf('w-1')
const done = { phase: 'Done', message: `at ${target}`, retryAfterSeconds: 0 }
// On a busy computer the walk to the end can take a while.
const patient = { timeout: 30_000 }

function upgradesOf(lab: Lab) {
  vi.spyOn(lab.engine, 'inspect')
  return createUpgrades(toolsOf(lab, { sources: { images: 'pull' } }))
}

// Each walk begins by inspecting the machine's container, and images that are pulled need no other look at it.
function walksOn(lab: Lab): number {
  return vi.mocked(lab.engine.inspect).mock.calls.length
}

// As Cluster API polls: until it gets an end.
async function poll(upgrades: ReturnType<typeof createUpgrades>, asked = task) {
  for (;;) {
    upgrades.start(asked)
    const progress = await upgrades.sync(asked)
    if (progress.phase !== 'InProgress') return progress
    await nextTurn()
  }
}

test('an upgrade that is started is under way, and then done', async () => {
  const lab = startWorkersLab('w-1')
  expect(await poll(upgradesOf(lab))).toMatchObject(done)
  expect(walksOn(lab)).toBe(1)
})

test('start answers before anything was asked of the machine, and may be called any number of times', async () => {
  const lab = startWorkersLab('w-1')
  const upgrades = upgradesOf(lab)
  for (let i = 0; i < 10; i += 1) upgrades.start(task)
  expect(lab.machine('w-1').commands).toEqual([])
  expect(await poll(upgrades)).toMatchObject(done)
  expect(walksOn(lab)).toBe(1)
})

test('sync knows nothing before start', async () => {
  const upgrades = upgradesOf(startWorkersLab('w-1'))
  await expect(upgrades.sync(task)).rejects.toMatchObject({
    code: 'NOT_STARTED',
    values: { machine: 'w-1', version: target },
  })
})

test('another version of the same machine takes the place of one that has changed nothing', async () => {
  const lab = startWorkersLab('w-1')
  const upgrades = upgradesOf(lab)
  const other = taskOf('w-1', { version: 'v1.34.9' })
  lab.machine('w-1').units.hold('binaries')
  const started = new Promise<void>((resolve) => when(lab, 'w-1', 'start unit binaries', resolve))
  upgrades.start(other)
  await started
  when(lab, 'w-1', `note replaced an attempt, to ${target}`, () => lab.machine('w-1').units.release('binaries'))
  expect(await poll(upgrades)).toMatchObject(done)
  expect(lab.machine('w-1').effects.filter((effect) => effect.startsWith('kubelet '))).toEqual([
    `kubelet ${target} starts`,
  ])
})

test('sync knows nothing of another version of a machine that is under way', async () => {
  const lab = startWorkersLab('w-1')
  const upgrades = upgradesOf(lab)
  upgrades.start(task)
  await expect(upgrades.sync(taskOf('w-1', { version: 'v1.34.3' }))).rejects.toMatchObject({ code: 'NOT_STARTED' })
})

test.each([
  ['another cluster', { cluster: 'other' }, 'CONTAINER_OF_OTHER_CLUSTER'],
  ['another role', { role: 'control-plane' }, 'CONTAINER_ROLE'],
] as const)('a request of %s is checked for itself, whatever was answered to another', async (_whose, claim, code) => {
  const lab = startWorkersLab('w-1')
  const upgrades = upgradesOf(lab)
  upgrades.start(task)
  expect(await poll(upgrades, { ...task, ...claim })).toMatchObject({ phase: 'Failed', error: { code } })
  expect(await poll(upgrades)).toMatchObject(done)
  expect(await poll(upgrades, { ...task, ...claim })).toMatchObject({ phase: 'Failed', error: { code } })
})

test('machines are upgraded side by side', async () => {
  const upgrades = upgradesOf(startWorkersLab('w-1', 'w-2'))
  upgrades.start(task)
  upgrades.start(taskOf('w-2'))
  expect(await poll(upgrades)).toMatchObject(done)
  expect(await poll(upgrades, taskOf('w-2'))).toMatchObject(done)
})

test('sync has an answer while the machine reports nothing', async () => {
  const lab = startWorkersLab('w-1')
  const engine = { ...lab.engine, inspect: () => new Promise<never>(() => {}) }
  const upgrades = createUpgrades(toolsOf(lab, { engine }))
  upgrades.start(task)
  expect(await upgrades.sync(task)).toMatchObject({
    phase: 'InProgress',
    message: observingMessage,
    retryAfterSeconds: 1,
  })
})

test('sync waits for the first news by the clock of the service, and no longer than it has to', async () => {
  const lab = startWorkersLab('w-1')
  const waits: { seconds: number; isOver: boolean }[] = []
  const sleep: Clock['sleep'] = async (seconds, signal) => {
    if (!signal) return lab.clock.sleep(seconds)
    const wait = { seconds, isOver: false }
    waits.push(wait)
    signal.addEventListener('abort', () => Object.assign(wait, { isOver: true }))
    return new Promise(() => {})
  }
  const clock = { now: () => lab.clock.now(), monotonic: () => lab.clock.monotonic(), sleep }
  const upgrades = createUpgrades(toolsOf(lab, { clock }))
  upgrades.start(task)
  expect((await upgrades.sync(task)).message).not.toBe(observingMessage)
  expect(waits).toEqual([{ seconds: 4, isOver: true }])
})

test('an end is kept until it was fetched, and then the machine is observed again', async () => {
  const lab = startWorkersLab('w-1')
  const upgrades = upgradesOf(lab)
  upgrades.start(task)
  await vi.waitUntil(() => lab.machine('w-1').effects.at(-1) === 'note done', patient)
  upgrades.start(task)
  expect(await upgrades.sync(task)).toMatchObject(done)
  expect(walksOn(lab)).toBe(1)

  // It may not be true any more.
  lab.machine('w-1').kubelet.version = 'v1.34.4'
  upgrades.start(task)
  expect(await poll(upgrades)).toMatchObject(done)
  expect(walksOn(lab)).toBe(2)
  expect(lab.machine('w-1').kubelet.version).toBe(target)
})

test('the contents of the files of an upgrade that has ended are not kept', async () => {
  const lab = startWorkersLab('w-1')
  const upgrades = upgradesOf(lab)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const contentOf = async () => {
    const asked = taskOf('w-1', { files: [{ path: '/etc/lab/one.conf', content: 'x' }] })
    expect(await poll(upgrades, asked)).toMatchObject(done)
    return new WeakRef(asked.files)
  }
  const files = await contentOf()
  const isCollected = () => {
    collect()
    return files.deref() === undefined
  }
  await vi.waitUntil(isCollected, patient)
})

test('an end that no one fetched for a minute is not reported any more', async () => {
  const lab = startWorkersLab('w-1')
  const upgrades = upgradesOf(lab)
  upgrades.start(task)
  await vi.waitUntil(() => lab.machine('w-1').effects.at(-1) === 'note done', patient)
  lab.clock.pass(61)
  upgrades.start(task)
  expect(await poll(upgrades)).toMatchObject(done)
  expect(walksOn(lab)).toBe(2)
})

test('a failure is reported each time it is requested, and the machine is not touched', async () => {
  const lab = startQuickLab('w-1')
  lab.machine('w-1').units.fail('binaries', { exitCode: 41, log: 'failed: kubeadm\n' })
  const upgrades = upgradesOf(lab)
  for (let i = 0; i < 3; i += 1) {
    const progress = await poll(upgrades)
    expect(progress).toMatchObject({ phase: 'Failed', error: { code: 'DOWNLOAD_NOT_FOUND' } })
  }
  expect(walksOn(lab)).toBe(1)
  expect(lab.machine('w-1').units.starts).toHaveLength(1)
})

test('what has ended, and was not requested for two minutes, is forgotten', async () => {
  const lab = startWorkersLab('w-1', 'w-2')
  const upgrades = upgradesOf(lab)
  upgrades.start(task)
  await vi.waitUntil(() => lab.machine('w-1').effects.at(-1) === 'note done', patient)
  await nextTurn()
  lab.clock.pass(121)
  upgrades.start(taskOf('w-2'))
  await expect(upgrades.sync(task)).rejects.toMatchObject({ code: 'NOT_STARTED' })
})

const missing = new UpgradeError('CONTAINER_MISSING', { name: 'x' })

test('what has ended gives way to the next machine, the longest unrequested first', async () => {
  const lab = startWorkersLab()
  const upgrades = createUpgrades(toolsOf(lab, { engine: { ...lab.engine, inspect: () => Promise.reject(missing) } }))
  const tasks = Array.from({ length: mostEntries }, (_, i) => taskOf(`gone-${i}`))
  for (const each of tasks) upgrades.start(each)
  for (const each of tasks) expect(await upgrades.sync(each)).toMatchObject({ phase: 'Failed' })
  lab.clock.pass(1)
  const [first = task, second = task] = tasks
  await upgrades.sync(first)
  upgrades.start(task)
  await expect(upgrades.sync(second)).rejects.toMatchObject({ code: 'NOT_STARTED' })
  expect(await upgrades.sync(first)).toMatchObject({ phase: 'Failed' })
})

test('what is under way does not give way: one machine more is refused until another has ended', async () => {
  const lab = startWorkersLab()
  const ends: (() => void)[] = []
  const inspect = () => new Promise<never>((_, reject) => ends.push(() => reject(missing)))
  const upgrades = createUpgrades(toolsOf(lab, { engine: { ...lab.engine, inspect } }))
  const tasks = Array.from({ length: mostEntries }, (_, i) => taskOf(`w-${i}`))
  for (const each of tasks) upgrades.start(each)
  const late = taskOf('late')
  const startLate = () => upgrades.start(late)
  expect(startLate).toThrow(expect.objectContaining({ code: 'TOO_MANY_UPGRADES' }))
  // It is one of the others, which may be repeated.
  upgrades.start(task)
  ends[0]?.()
  const [first = task] = tasks
  await vi.waitUntil(async () => (await upgrades.sync(first)).phase === 'Failed', patient)
  startLate()
  for (const end of ends) end()
})
