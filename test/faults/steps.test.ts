import { describe, expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { withStepFaults } from '../../src/faults/steps.ts'
import { parameters } from '../../src/faults/table.ts'
import { stateDirectory } from '../../src/machine/machine.ts'
import { type AttemptRecord, recordIn } from '../../src/upgrade/attempt.ts'
import { MachineUpgrade } from '../../src/upgrade/machine-upgrade.ts'
import { planFor } from '../../src/upgrade/plan.ts'
import { createUpgrades } from '../../src/upgrade/upgrades.ts'
import { paths, serve, token } from '../app/serve.ts'
import type { Json } from '../contract/captured.ts'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { type Options, taskOf, toolsOf } from '../upgrade/walk.ts'
import { requestFor } from './asking.ts'

const labs: Record<string, () => Lab> = {
  'cp-1': () => startQuickLab('cp-1'),
  'w-1': () => startWorkersLab('w-1'),
}
const own = 'fault/default/lab'
// The longest pause after a failure, and a second.
const rest = 3601

// A process that may misbehave: the names of what it did, and its death, after which nothing more is heard of it.
function misbehaving({ clock }: Lab) {
  const seen: string[] = []
  const { promise: died, resolve: die } = Promise.withResolvers<'died'>()
  const crash = () => {
    die('died')
    return new Promise<never>(() => {})
  }
  return { seen, died, means: { allowed: true, clock, onFault: (name: string) => seen.push(name), crash } }
}

// Such a process of the whole service, on the lab's engine.
function replica(lab: Lab) {
  const { seen, died, means } = misbehaving(lab)
  const upgrades = createUpgrades({ ...toolsOf(lab), plan: withStepFaults(planFor, means) })
  return { seen, died, post: serve({ upgrades, faults: true }).post }
}

type Replica = ReturnType<typeof replica>

// Asks one replica after the other, as Cluster API does, until the update is done, all have crashed, or it has failed
// so many times. Gives what was answered, each once in a row.
async function poll(lab: Lab, replicas: Replica[], asked: Json, failures = 1) {
  const heard: Json[] = []
  for (let turn = 0; ; turn += 1) {
    const { post, died } = replicas[turn % replicas.length] as Replica
    const body = await Promise.race([died, post(paths.updateMachine, asked).then((answer) => answer.body)])
    if (body === 'died') return { heard, end: 'died' }
    if (heard.at(-1)?.message !== body.message) heard.push(body)
    if (body.status === 'Success' && body.retryAfterSeconds === 0) return { heard, end: 'done' }
    if (body.status === 'Failure') {
      failures -= 1
      if (failures === 0) return { heard, end: 'failed' }
      lab.clock.pass(rest)
    }
  }
}

function recordOf(lab: Lab, name: string): AttemptRecord | undefined {
  return recordIn({ record: lab.machine(name).files.get(`${stateDirectory}/attempt.json`) ?? '' })
}

// The steps whose units were started on the machine, in order.
function started(lab: Lab, name: string): string[] {
  return lab.machine(name).units.starts.map((unit) => unit.replace('capd-kubeadm-upgrader-', ''))
}

// Every step of every way that a machine may go.
const ways = [
  ['cp-1', 'control-plane', 'together'],
  ['cp-1', 'control-plane', 'one-by-one'],
  ['w-1', 'worker', 'together'],
] as const
const places = ways.flatMap(([name, role, exchange]) =>
  planFor({ machine: { role }, sources: { images: 'node-image', binaries: 'download' }, settings: { exchange } }).map(
    (step) => [name, step.name, exchange] as const,
  ),
)

// One attempt on a machine, as a process makes it, up to its end or the process's.
async function attempt(lab: Lab, name: string, options: Options) {
  const { seen, means, died } = misbehaving(lab)
  const tools = { ...toolsOf(lab), plan: withStepFaults(planFor, means) }
  const walk = new MachineUpgrade(taskOf(name, options), tools, () => 0)
  const end = await Promise.race([died, walk.toEnd().then(() => walk.progress.phase)])
  return { end, message: walk.progress.message, seen }
}

describe.each(places)('%s, step %s, %s', (name, step, exchange) => {
  const start = labs[name] as () => Lab
  // The step that writes files is left out where there are none.
  const files = step === 'files' ? [{ path: '/etc/lab-file', content: 'hello' }] : []

  test('fail-at fails there once, and the next attempt is done', async () => {
    const lab = start()
    const options = { settings: { fault: `fail-at:${step}`, exchange }, files }
    expect(await attempt(lab, name, options)).toEqual({
      end: 'Failed',
      message: `misbehaviour fail-at:${step}: this failure was requested. (MISBEHAVIOUR)`,
      seen: ['fail-at'],
    })
    // Nothing of the step was begun, and nothing after it.
    const record = recordOf(lab, name)
    expect(record).toMatchObject({ state: 'failed', failure: { step, code: 'MISBEHAVIOUR', count: 1 } })
    const events = record?.events.filter((event) => event.step === step).map(({ event }) => event)
    expect(events).toEqual(['started', 'failed: MISBEHAVIOUR'])
    expect(record?.events.at(-1)).toMatchObject({ step })
    expect(started(lab, name)).not.toContain(step)
    lab.clock.pass(11)
    expect(await attempt(lab, name, options)).toMatchObject({ end: 'Done', seen: [] })
  })

  test('crash-at kills the process there once, and the next one ends the upgrade', async () => {
    const lab = start()
    const options = { settings: { fault: `crash-at:${step}`, exchange }, files }
    expect(await attempt(lab, name, options)).toMatchObject({ end: 'died', seen: ['crash-at'] })
    expect(started(lab, name)).not.toContain(step)
    expect(await attempt(lab, name, options)).toMatchObject({ end: 'Done', seen: [] })
    const isTogether = name === 'cp-1' && exchange === 'together'
    const after = isTogether ? ['render', 'prepare', 'exchange', 'kubeadm'] : ['kubeadm', 'kubelet']
    expect(started(lab, name)).toEqual(['binaries', 'images', ...after])
  })
})

test('the steps of the settings are those of the plans', () => {
  expect(new Set(parameters.step.allowed.split(', '))).toEqual(new Set(places.map(([, step]) => step)))
})

test('fail-at a number of times fails as often, also when the service is started again each time', async () => {
  const lab = startWorkersLab('w-1')
  const asked = requestFor('w-1', { fault: 'fail-at:kubeadm:3' })
  for (const end of ['failed', 'failed', 'failed', 'done']) {
    expect((await poll(lab, [replica(lab)], asked)).end).toBe(end)
    lab.clock.pass(rest)
  }
})

test('fail-at always fails each time, and the machine rests where it is until it is no longer requested', async () => {
  const lab = startWorkersLab('w-1')
  const { heard, end } = await poll(lab, [replica(lab)], requestFor('w-1', { fault: 'fail-at:verify:always' }), 12)
  expect(end).toBe('failed')
  expect(heard.at(-1)?.status).toBe('Failure')
  expect(recordOf(lab, 'w-1')?.failure?.count).toBe(12)
  // Each attempt lets kubeadm look again, and it finds nothing to do.
  const once = () => started(lab, 'w-1').filter((step) => step !== 'kubeadm')
  expect(once()).toEqual(['binaries', 'images', 'kubelet'])
  lab.clock.pass(rest)
  expect((await poll(lab, [replica(lab)], requestFor('w-1', {}))).end).toBe('done')
  expect(once()).toEqual(['binaries', 'images', 'kubelet'])
})

test('after a failure that was requested the machine is left alone for a while, as after any', async () => {
  const lab = startWorkersLab('w-1')
  const one = replica(lab)
  const asked = requestFor('w-1', { fault: 'fail-at:images' })
  await poll(lab, [one], asked)
  for (let i = 0; i < 3; i += 1) expect((await poll(lab, [one], asked)).end).toBe('failed')
  expect(one.seen).toEqual(['fail-at'])
})

test('crash-at always crashes every process until it is no longer requested', async () => {
  const lab = startWorkersLab('w-1')
  for (let i = 0; i < 4; i += 1)
    expect((await poll(lab, [replica(lab)], requestFor('w-1', { fault: 'crash-at:kubelet:always' }))).end).toBe('died')
  expect((await poll(lab, [replica(lab)], requestFor('w-1', {}))).end).toBe('done')
})

test.each([1, 2, 5])('of two replicas at once, together %i fail', async (times) => {
  const lab = startWorkersLab('w-1')
  const replicas = [replica(lab), replica(lab)]
  const { end } = await poll(lab, replicas, requestFor('w-1', { fault: `fail-at:kubeadm:${times}` }), 100)
  expect(end).toBe('done')
  expect(replicas.flatMap(({ seen }) => seen)).toHaveLength(times)
})

test.each([1, 2, 3])('of five processes that come to a step in the same moment, one fails, %i times', async (times) => {
  const lab = startWorkersLab('w-1')
  const options = { settings: { fault: `fail-at:binaries:${times}` } }
  const attempts = () => Promise.all(Array.from({ length: 5 }, () => attempt(lab, 'w-1', options)))
  for (let turn = 0; turn < times; turn += 1) {
    const ends = await attempts()
    expect(ends.map(({ end }) => end)).toEqual(Array(5).fill('Failed'))
    expect(ends.flatMap(({ seen }) => seen)).toEqual(['fail-at'])
    lab.clock.pass(rest)
  }
  const ends = await attempts()
  expect(ends.map(({ end }) => end)).toEqual(Array(5).fill('Done'))
  expect(started(lab, 'w-1')).toEqual(['binaries', 'images', 'kubeadm', 'kubelet'])
})

test('of two replicas at once, one crashes and the other ends the upgrade', async () => {
  const lab = startWorkersLab('w-1')
  const replicas = [replica(lab), replica(lab)]
  const asked = requestFor('w-1', { fault: 'crash-at:images' })
  await Promise.all(replicas.map(({ post }) => post(paths.updateMachine, asked)))
  const ends = await Promise.all(replicas.map(async (one) => (await poll(lab, [one], asked)).end))
  expect(ends.sort()).toEqual(['died', 'done'])
  expect(replicas.flatMap(({ seen }) => seen)).toEqual(['crash-at'])
})

test('a misbehaviour of one name or step does not use up that of another', async () => {
  const lab = startWorkersLab('w-1')
  for (const [fault, end] of [
    ['fail-at:images', 'failed'],
    ['crash-at:images', 'died'],
    ['fail-at:kubeadm', 'failed'],
    ['fail-at:images', 'done'],
  ] as const) {
    expect((await poll(lab, [replica(lab)], requestFor('w-1', { fault }))).end).toBe(end)
    lab.clock.pass(rest)
  }
})

test('a machine that is at the target is done, whatever would fail on the way there', async () => {
  const lab = startQuickLab('cp-1')
  expect((await poll(lab, [replica(lab)], requestFor('cp-1', {}))).end).toBe('done')
  const starts = lab.machine('cp-1').units.starts.length
  for (const step of ['preflight', 'kubeadm', 'kubelet'])
    expect((await poll(lab, [replica(lab)], requestFor('cp-1', { fault: `fail-at:${step}:always` }))).end).toBe('done')
  expect(lab.machine('cp-1').units.starts).toHaveLength(starts)
})

test('a step that is not in the plan of a machine does not hinder it', async () => {
  const lab = startWorkersLab('w-1')
  expect((await poll(lab, [replica(lab)], requestFor('w-1', { fault: 'fail-at:static-pods:always' }))).end).toBe('done')
})

test('what is requested for one cluster fails there, and for another one changes nothing', async () => {
  const lab = startWorkersLab('w-1')
  const others = { 'fault/default/other': 'fail-at:kubeadm:always', 'fault/team-a/lab': 'crash-at:binaries' }
  expect((await poll(lab, [replica(lab)], requestFor('w-1', { ...others, [own]: 'fail-at:binaries' }))).end).toBe(
    'failed',
  )
  lab.clock.pass(rest)
  const one = replica(lab)
  expect((await poll(lab, [one], requestFor('w-1', others))).end).toBe('done')
  expect(one.seen).toEqual([])
})

test('start and sync heed the misbehaviour of steps', async () => {
  const lab = startWorkersLab('w-1')
  const { post } = replica(lab)
  const bearer = { authorization: `Bearer ${token}` }
  const settings = { fault: 'fail-at:binaries' }
  const wish = { providerID: 'docker:////w-1', clusterName: 'lab', version: target, settings }
  expect((await post('/v1/start', wish, bearer)).status).toBe(202)
  let synced: Json
  do synced = (await post('/v1/sync', wish, bearer)).body
  while (synced.phase === 'InProgress')
  expect(synced).toMatchObject({ phase: 'Failed', step: 'binaries', code: 'MISBEHAVIOUR' })
  expect(synced.message).toBe(new UpgradeError('MISBEHAVIOUR', { name: 'fail-at:binaries' }).message)
})
