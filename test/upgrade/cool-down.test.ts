import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createUpgrades } from '../../src/upgrade/upgrades.ts'
import { type Lab, startQuickLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { recordFile, recordOf, taskOf, toolsOf, unitsOf, walk } from './walk.ts'

const failed = 'The download server has no kubeadm. (DOWNLOAD_NOT_FOUND)'
const notFound = { exitCode: 41, log: 'failed: kubeadm\n' }

// Cluster API calls again within a second of a failure; each time that is a walk of its own.
async function ask(lab: Lab, version = target) {
  const { commands } = lab.machine('cp-1')
  const before = commands.length
  const { run } = await walk(lab, 'cp-1', { version })
  const scripts = commands.slice(before).map(([, , , script]) => script)
  return { phase: run.progress.phase, message: run.progress.message, scripts }
}

// For how many seconds the machine is left alone from now on.
async function restOf(lab: Lab): Promise<number> {
  const starts = unitsOf(lab, 'cp-1').length
  for (let seconds = 0; seconds < 2 * 3600; seconds += 5) {
    await ask(lab)
    if (unitsOf(lab, 'cp-1').length > starts) return seconds
    lab.clock.pass(5)
  }
  return Number.POSITIVE_INFINITY
}

test('after a failure the machine is left alone for a while, and the failure is reported again', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound)
  expect(await ask(lab)).toMatchObject({ phase: 'Failed', message: failed })
  for (let second = 0; second < 9; second += 1) {
    expect(await ask(lab)).toEqual({ phase: 'Failed', message: failed, scripts: ['observe.sh'] })
    lab.clock.pass(1)
  }
  expect(unitsOf(lab, 'cp-1')).toEqual(['binaries'])
})

test('then it is tried again, and goes on where it was', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('prepare', { exitCode: 1, log: 'error: no\n' })
  expect(await ask(lab)).toMatchObject({ phase: 'Failed' })
  lab.clock.pass(11)
  expect(await ask(lab)).toMatchObject({ phase: 'Done', message: `at ${target}` })
  expect(unitsOf(lab, 'cp-1')).toEqual([
    'binaries',
    'images',
    'render',
    'prepare',
    'render',
    'prepare',
    'exchange',
    'kubeadm',
  ])
})

test('B14: from the third equal failure on the machine rests for an hour', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound, 100)
  await ask(lab)
  expect([await restOf(lab), await restOf(lab)]).toEqual([10, 20])
  expect(recordOf(lab, 'cp-1')?.failure?.count).toBe(3)
  lab.clock.pass(3590)
  expect(unitsOf(lab, 'cp-1')).toHaveLength(3)
  expect(await restOf(lab)).toBe(10)
  lab.clock.pass(3590)
  expect(await restOf(lab)).toBe(10)
})

test('an hour of rest ends at once when something else is requested', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound, 3)
  await ask(lab)
  await restOf(lab)
  await restOf(lab)
  expect(recordOf(lab, 'cp-1')).toMatchObject({ state: 'failed', failure: { count: 3 } })
  const { run } = await walk(lab, 'cp-1', { files: [{ path: '/etc/motd', content: 'hello' }] })
  expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
})

test('a failure of another step is the first of its kind', async () => {
  const lab = startQuickLab('cp-1')
  const { units } = lab.machine('cp-1')
  units.fail('binaries', notFound, 3)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(await ask(lab)).toMatchObject({ phase: 'Failed', message: failed })
    lab.clock.pass(3601)
  }
  units.fail('kubeadm', { exitCode: 1, log: 'error: no\n' })
  expect(await ask(lab)).toMatchObject({ phase: 'Failed' })
  expect(recordOf(lab, 'cp-1')?.failure).toMatchObject({ code: 'KUBEADM_FAILED', count: 1 })
  lab.clock.pass(11)
  expect(await ask(lab)).toMatchObject({ phase: 'Done' })
})

test('a failure on the way to one version is no reason to wait with another', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound)
  expect(await ask(lab)).toMatchObject({ phase: 'Failed' })
  lab.cluster.kubeadmConfigVersion = 'v1.34.9'
  lab.fake.helpers.images.clear()
  const { run } = await walk(lab, 'cp-1', { version: 'v1.34.9' })
  expect(run.progress.error?.code).toBe('IMAGE_SOURCE_MISSING')
})

test('a failure that a later version of this program noted, with a code of its own, is still one', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound)
  await ask(lab)
  const { files } = lab.machine('cp-1')
  files.set(recordFile, files.get(recordFile)?.replaceAll('DOWNLOAD_NOT_FOUND', 'MADE_UP') ?? '')
  expect(await ask(lab)).toMatchObject({ phase: 'Failed', scripts: ['observe.sh'] })
  lab.clock.pass(11)
  expect(await ask(lab)).toMatchObject({ phase: 'Done' })
})

test('a machine that a person has put right is done, once it has rested', async () => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  machine.brokenKubelets.add(target)
  expect(await ask(lab)).toMatchObject({ phase: 'Failed' })
  machine.brokenKubelets.delete(target)
  lab.clock.pass(3601)
  expect(await ask(lab)).toMatchObject({ phase: 'Done', message: `at ${target}` })
})

// Each look takes longer than the whole time for which Cluster API is made to wait.
test('on a slow engine the failure is all that is ever reported', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound, 3)
  const gate: { open: Promise<void> } = { open: Promise.resolve() }
  const engine = {
    ...lab.engine,
    inspect: async (name: string) => {
      await gate.open
      return lab.engine.inspect(name)
    },
  }
  const upgrades = createUpgrades(toolsOf(lab, { engine }))
  const task = taskOf('cp-1')
  const heard = async () => {
    upgrades.start(task)
    const { phase, message } = await upgrades.sync(task)
    return `${phase}: ${message}`
  }
  while ((await heard()).startsWith('InProgress')) await nextTurn()
  // From now on the engine answers only in the end, and what was known before is known too long for it to stand.
  let release = () => {}
  gate.open = new Promise((resolve) => {
    release = resolve
  })
  for (let call = 0; call < 20; call += 1) {
    lab.clock.pass(2)
    await nextTurn()
    expect(await heard()).toBe(`Failed: ${failed}`)
  }
  release()
})
