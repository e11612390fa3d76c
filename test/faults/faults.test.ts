import { describe, expect, test } from 'vitest'
import { coversAll } from '../../e2e/player/cluster-api.ts'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { faults } from '../../src/faults/table.ts'
import { paths, serve, upgradesAt } from '../app/serve.ts'
import { type Json, patchIn } from '../contract/captured.ts'
import { bodies, done, type Hook, hooks, misbehaving, twoPatches, underWay } from './asking.ts'

const canUpdate = ['canUpdateMachine', 'canUpdateMachineSet'] as const
const machineField = { canUpdateMachine: 'machinePatch', canUpdateMachineSet: 'machineSetPatch' } as const
type Compared = Parameters<typeof coversAll>[0]

// The answer to a hook's captured request, with a misbehaviour and without.
async function both(hook: Hook, fault: string, progress: typeof underWay | typeof done = underWay) {
  const service = misbehaving(progress)
  const path = paths[hook]
  const plain = (await service.post(path, bodies[hook]())).body
  const wrong = await service.post(path, { ...bodies[hook](), settings: { fault } })
  return { ...service, plain, wrong: wrong.body, status: wrong.status }
}

// The same as text and status, for what is no JSON.
async function raw(hook: Hook, fault: string) {
  const { app } = misbehaving()
  const payload = JSON.stringify({ ...bodies[hook](), settings: { fault } })
  const { statusCode, body, headers } = await app.inject({ method: 'POST', url: paths[hook], payload })
  return { statusCode, body, type: headers['content-type'] }
}

describe.each(canUpdate)('%s', (hook) => {
  const request = bodies[hook]() as unknown as Compared

  test('decline: all is well but for the patches, which are missing, so the machine is replaced', async () => {
    const { plain, wrong, seen } = await both(hook, 'decline')
    const { [machineField[hook]]: patch, ...others } = plain
    expect(patch).toBeDefined()
    const message = `misbehaviour decline: ${faults.decline?.does}`
    expect(wrong).toEqual({ ...others, message })
    expect(coversAll(request, wrong)).toBe(false)
    expect(seen).toEqual(['decline'])
  })

  test('decline:machine leaves out that patch, decline:bootstrapConfig and decline:infrastructure what is not there', async () => {
    for (const [fault, covered] of [
      ['decline:machine', false],
      ['decline:bootstrapConfig', true],
      ['decline:infrastructure', true],
    ] as const) {
      expect(coversAll(request, (await both(hook, fault)).wrong)).toBe(covered)
    }
  })

  test('partial: of one operation an empty patch is left, so the machine is replaced', async () => {
    const { plain, wrong } = await both(hook, 'partial')
    expect(patchIn(plain, machineField[hook])).toHaveLength(1)
    expect(patchIn(wrong, machineField[hook])).toEqual([])
    expect(coversAll(request, wrong)).toBe(false)
  })

  test('bad-patch: the patch is as ever and then replaces what is not there, which is an error', async () => {
    const { plain, wrong } = await both(hook, 'bad-patch')
    const [last, ...others] = (patchIn(wrong, machineField[hook]) ?? []).reverse()
    expect(others.reverse()).toEqual(patchIn(plain, machineField[hook]))
    expect(last).toEqual({ op: 'replace', path: '/spec/misbehaviour/path', value: true })
    expect(() => coversAll(request, wrong)).toThrow()
  })

  test('bad-patch: where nothing is covered, it is an error all the same', async () => {
    const { post } = misbehaving()
    const foreign = JSON.parse(JSON.stringify(request).replaceAll('"DevMachine', '"AWSMachine'))
    const { body } = await post(paths[hook], { ...foreign, settings: { fault: 'bad-patch' } })
    expect(patchIn(body, machineField[hook])).toHaveLength(1)
    expect(() => coversAll(foreign, body)).toThrow()
  })
})

describe('of two patches', () => {
  const request = twoPatches() as unknown as Compared
  const ask = async (fault: string) => {
    const { post } = misbehaving()
    return (await post(paths.canUpdateMachine, { ...twoPatches(), settings: { fault } })).body
  }

  test('all is covered without misbehaviour', async () => {
    expect(coversAll(request, await ask('none'))).toBe(true)
  })

  test.each([
    ['decline', undefined, undefined],
    ['decline:machine', undefined, 1],
    ['decline:bootstrapConfig', 1, undefined],
    ['partial', 1, 0],
  ])('%s leaves %s operations of the Machine and %s of the bootstrap config', async (fault, machine, bootstrap) => {
    const answer = await ask(fault)
    expect(patchIn(answer, 'machinePatch')?.length).toBe(machine)
    expect(patchIn(answer, 'bootstrapConfigPatch')?.length).toBe(bootstrap)
    expect(coversAll(request, answer)).toBe(false)
  })
})

// Which hooks a misbehaviour is of, by its argument.
const chosen = hooks.flatMap((hook) => {
  const mine = hook === 'updateMachine' ? 'update-machine' : 'can-update'
  return ['', ':all', `:${mine}`].map((argument) => [hook, argument] as const)
})

describe.each(chosen)('%s with the argument "%s"', (hook, argument) => {
  test('block: a Failure, and nothing is begun', async () => {
    const { post, started } = misbehaving()
    const fault = `block${argument}`
    const { status, body } = await post(paths[hook], { ...bodies[hook](), settings: { fault } })
    expect(status).toBe(200)
    expect(body.status).toBe('Failure')
    expect(body.message).toBe(new UpgradeError('MISBEHAVIOUR', { name: fault }).message)
    expect(started).toEqual([])
  })

  test('slow and hang: the true answer, one second before the time limit and long after it', async () => {
    for (const [name, seconds] of [
      ['slow', 9],
      ['hang', 20],
    ] as const) {
      const { plain, wrong, slept } = await both(hook, `${name}${argument}`)
      expect({ ...wrong, message: plain.message }).toEqual(plain)
      expect(wrong.message).toMatch(new RegExp(`^misbehaviour ${name}${argument}: `))
      expect(slept).toEqual([seconds])
    }
  })

  test('malformed-json: the true answer, broken off', async () => {
    const { statusCode, body, type } = await raw(hook, `malformed-json${argument}`)
    expect({ statusCode, type }).toEqual({ statusCode: 200, type: 'application/json' })
    expect(body).toMatch(/^\{"apiVersion":"hooks\.runtime\.cluster\.x-k8s\.io\/v1alpha1","kind":"\w/)
    expect(() => JSON.parse(body)).toThrow(SyntaxError)
  })

  test('wrong-status: the true answer with status 500', async () => {
    const { plain, wrong, status } = await both(hook, `wrong-status${argument}`)
    expect(status).toBe(500)
    expect({ ...wrong, message: plain.message }).toEqual(plain)
    expect(wrong.message).toMatch(new RegExp(`^misbehaviour wrong-status${argument}: `))
  })
})

test.each(['201', '202', '400', '404', '503', '599'])('wrong-status with status %s', async (status) => {
  expect((await raw('updateMachine', `wrong-status:all:${status}`)).statusCode).toBe(Number(status))
})

test('done-too-early reports done while nothing was started', async () => {
  const { wrong, started } = await both('updateMachine', 'done-too-early')
  expect(wrong).toMatchObject({ kind: 'UpdateMachineResponse', status: 'Success', retryAfterSeconds: 0 })
  expect(wrong.message).toMatch(/^misbehaviour done-too-early: /)
  // Once, for the call without it.
  expect(started).toHaveLength(1)
})

test('never-done does everything and requests another call indefinitely', async () => {
  const { wrong, started } = await both('updateMachine', 'never-done', done)
  expect(wrong).toMatchObject({
    status: 'Success',
    message: 'misbehaviour never-done: at v1.35.4',
    retryAfterSeconds: 10,
  })
  expect(started).toHaveLength(2)
})

test('never-done reports how far the upgrade is, while it is under way', async () => {
  const { post } = misbehaving({ ...underWay })
  const { body } = await post(paths.updateMachine, { ...bodies.updateMachine(), settings: { fault: 'never-done' } })
  expect(body).toMatchObject({ message: 'misbehaviour never-done: m', retryAfterSeconds: 10 })
})

// What an answer of another hook than the misbehaviour's is like: as without it.
test.each<[Hook, string[]]>([
  ['updateMachine', ['decline', 'decline:machine', 'partial', 'bad-patch']],
  ['updateMachine', ['block', 'slow', 'hang', 'malformed-json', 'wrong-status'].map((name) => `${name}:can-update`)],
  ...canUpdate.flatMap((hook): [Hook, string[]][] => [
    [hook, ['done-too-early', 'never-done', 'fail-at:kubeadm', 'crash-at:kubeadm:always']],
    [hook, ['block', 'slow', 'hang', 'malformed-json', 'wrong-status'].map((name) => `${name}:update-machine`)],
  ]),
])('%s is answered as ever with %j', async (hook, faults) => {
  for (const fault of faults) {
    const { plain, wrong, seen, slept } = await both(hook, fault)
    expect(wrong).toEqual(plain)
    expect([seen, slept]).toEqual([[], []])
  }
})

test.each(hooks)('a %s request that is refused is refused whatever misbehaviour is requested', async (hook) => {
  const { post } = misbehaving()
  for (const fault of ['decline', 'slow', 'malformed-json', 'wrong-status', 'never-done', 'fail-at:kubeadm']) {
    const { status, body } = await post(paths[hook], { settings: { fault } })
    expect({ status, answer: body.status }).toEqual({ status: 200, answer: 'Failure' })
    expect(body.message).toMatch(/\(REQUEST_INVALID\)$/)
  }
})

test('no misbehaviour of the settings touches discovery', async () => {
  const { post } = misbehaving()
  const plain = await post(paths.discovery)
  for (const fault of ['block', 'wrong-status', 'malformed-json'])
    expect(await post(paths.discovery, { settings: { fault } })).toEqual(plain)
})

test('discovery fails where the service was started so, and the hooks answer as ever', async () => {
  const seen: string[] = []
  const misbehave = { discoveryFails: true, onFault: (name: string) => seen.push(name) }
  const upgrades = upgradesAt(underWay)
  const { post } = serve({ upgrades, faults: true, misbehave })
  expect(await post(paths.discovery)).toEqual({
    status: 200,
    body: {
      apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1',
      kind: 'DiscoveryResponse',
      status: 'Failure',
      message: 'misbehaviour discovery-fails: this failure was requested. (MISBEHAVIOUR)',
    } satisfies Json,
  })
  expect(seen).toEqual(['discovery-fails'])
  for (const hook of hooks)
    expect(await post(paths[hook], bodies[hook]())).toEqual(await serve({ upgrades }).post(paths[hook], bodies[hook]()))
})
