import { expect, test } from 'vitest'
import { type Lab, startQuickLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { walk } from './walk.ts'

const failed = 'The download server has no kubeadm. (DOWNLOAD_NOT_FOUND)'
const notFound = { exitCode: 41, log: 'failed: kubeadm\n' }

// Cluster API asks again within a second of a failure; each time that is a walk of its own.
async function ask(lab: Lab) {
  const before = lab.machine('cp-1').commands.length
  const { run } = await walk(lab, 'cp-1')
  const commands = lab
    .machine('cp-1')
    .commands.slice(before)
    .map(([program]) => program)
  return { phase: run.progress.phase, message: run.progress.message, commands }
}

test('after a failure the machine is left alone for a while, and the failure is said again', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound)
  expect(await ask(lab)).toMatchObject({ phase: 'Failed', message: failed })
  for (let second = 0; second < 9; second += 1) {
    expect(await ask(lab)).toEqual({ phase: 'Failed', message: failed, commands: ['cat'] })
    lab.clock.pass(1)
  }
  expect(lab.machine('cp-1').units.starts).toHaveLength(1)
})

test('then it is tried again, and goes on where it was', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('kubeadm', { exitCode: 1, log: 'error: no\n' })
  expect(await ask(lab)).toMatchObject({ phase: 'Failed' })
  lab.clock.pass(11)
  expect(await ask(lab)).toMatchObject({ phase: 'Done', message: `at ${target}` })
  const steps = lab.machine('cp-1').units.starts.map((unit) => unit.split('-')[3])
  expect(steps).toEqual(['binaries', 'images', 'kubeadm', 'kubeadm', 'kubelet'])
})

test('each failure in a row doubles the wait, up to five minutes', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', notFound, 100)
  const waits: number[] = []
  for (let attempt = 1; attempt <= 8; attempt += 1) {
    await ask(lab)
    let seconds = 0
    while ((await ask(lab)).commands.length === 1) {
      lab.clock.pass(1)
      seconds += 1
    }
    waits.push(seconds)
    lab.clock.pass(1000)
  }
  expect(waits.every((wait, i) => i === 0 || wait >= (waits[i - 1] ?? 0))).toBe(true)
  expect(waits[0]).toBeLessThan(15)
  expect(waits.at(-1)).toBeGreaterThan(290)
  expect(waits.at(-1)).toBeLessThan(310)
})

test('a step that was done since makes the next failure the first again', async () => {
  const lab = startQuickLab('cp-1')
  const { units } = lab.machine('cp-1')
  units.fail('binaries', notFound, 4)
  for (let attempt = 0; attempt < 4; attempt += 1) {
    await ask(lab)
    lab.clock.pass(300)
  }
  units.fail('kubeadm', { exitCode: 1, log: 'error: no\n' })
  expect(await ask(lab)).toMatchObject({ phase: 'Failed' })
  lab.clock.pass(11)
  expect(await ask(lab)).toMatchObject({ phase: 'Done' })
})

test('a failure on the way to one version says nothing of another', async () => {
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
  const event = { at: lab.clock.now(), target, step: 'binaries', event: 'failed', code: 'MADE_UP' }
  lab.machine('cp-1').files.set('/var/lib/capd-kubeadm-upgrader/history.jsonl', `${JSON.stringify(event)}\n`)
  expect(await ask(lab)).toMatchObject({ phase: 'Failed', commands: ['cat'] })
  lab.clock.pass(11)
  expect(await ask(lab)).toMatchObject({ phase: 'Done' })
})

test('a machine that a person has put right is done, once it has cooled down', async () => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  machine.brokenKubelets.add(target)
  expect(await ask(lab)).toMatchObject({ phase: 'Failed' })
  machine.brokenKubelets.delete(target)
  lab.clock.pass(11)
  expect(await ask(lab)).toMatchObject({ phase: 'Done', message: `at ${target}` })
})
