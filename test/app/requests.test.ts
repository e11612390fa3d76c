import { describe, expect, test } from 'vitest'
import { asked, captured, type Json, put } from '../contract/captured.ts'
import { paths, serve, upgradesAt } from './serve.ts'

const underWay = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 } as const
const hooks = ['canUpdateMachine', 'canUpdateMachineSet', 'updateMachine'] as const
const bodies: Record<(typeof hooks)[number], () => Json> = {
  canUpdateMachine: asked.machine,
  canUpdateMachineSet: asked.machineSet,
  updateMachine: () => captured('update-machine.worker').body,
}
const mebibyte = 1024 * 1024
// As deep as a body of 20 MiB can be nested.
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

describe.each(hooks)('%s', (hook) => {
  const request = () => bodies[hook]()
  const whole = JSON.stringify(request())

  // What is wrong goes with HTTP 200: Cluster API makes any other status an error of its own.
  async function expectFailure(body: unknown, code: string, headers = {}) {
    const upgrades = upgradesAt(underWay)
    const { post, log } = serve({ upgrades })
    const answer = await post(paths[hook], body, headers)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1',
      kind: `${hook.charAt(0).toUpperCase()}${hook.slice(1)}Response`,
      status: 'Failure',
      message: expect.stringMatching(new RegExp(`\\(${code}\\)$`)),
    })
    expect(upgrades.started).toEqual([])
    expect(log()).toContain(`"code":"${code}"`)
  }

  test.each([
    ['nothing', ''],
    ['half of it', whole.slice(0, whole.length / 2)],
    ['all but its last byte', whole.slice(0, -1)],
    ['more after it', `${whole}}`],
    ['text', 'hello'],
    ['a form', 'kind=UpdateMachineRequest&apiVersion=v1alpha1'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80]).toString('latin1')],
  ])('answers a body of %s with REQUEST_NOT_JSON', (_, body) => expectFailure(body, 'REQUEST_NOT_JSON'))

  test.each([
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '5'],
    ['an empty object', '{}'],
    ['another request', JSON.stringify(captured('discovery').body)],
    ['100 levels', deep(100)],
    ['a million levels', deep(mebibyte)],
  ])('answers a body of %s with REQUEST_INVALID', (_, body) => expectFailure(body, 'REQUEST_INVALID'))

  test('answers wrong types with REQUEST_INVALID', async () => {
    for (const value of [null, 5, 'x', [], true]) {
      await expectFailure({ ...request(), desired: value }, 'REQUEST_INVALID')
    }
  })

  test('answers a body of 21 MiB with REQUEST_TOO_LARGE', () =>
    expectFailure('x'.repeat(21 * mebibyte), 'REQUEST_TOO_LARGE'))

  test('takes a body of nearly 20 MiB', async () => {
    const { post } = serve({ upgrades: upgradesAt(underWay) })
    const big = { ...request(), padding: 'x'.repeat(20 * mebibyte - whole.length - 100) }
    expect((await post(paths[hook], big)).body.status).toBe('Success')
  })

  test.each([
    ['no', undefined],
    ['the right', 'application/json'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['a multipart', 'multipart/form-data; boundary=x'],
    ['a text', 'text/plain; charset=utf-16'],
    ['a YAML', 'application/yaml'],
    ['a protobuf', 'application/vnd.kubernetes.protobuf'],
    ['an empty', ''],
    ['a broken', ';;;/'],
    ['a made-up', 'nonsense'],
    ['a double', 'application/json, text/html'],
  ])('answers a good request with %s Content-Type', async (_, type) => {
    const { post } = serve({ upgrades: upgradesAt(underWay) })
    const headers = type === undefined ? {} : { 'content-type': type }
    expect((await post(paths[hook], request(), headers)).body).toMatchObject({ status: 'Success' })
  })

  test('answers settings that do not exist with Failure that names the key, and starts nothing', () =>
    expectFailure({ ...request(), settings: { addon: 'kcp' } }, 'SETTING_UNKNOWN'))

  test('answers settings of a wrong value with Failure, and starts nothing', () =>
    expectFailure({ ...request(), settings: { addons: 'maybe' } }, 'SETTING_VALUE'))

  test('answers an error that nobody thought of with UNEXPECTED, and logs what it was', async () => {
    const oops = () => {
      throw new TypeError('the reason that only the log has')
    }
    const { post, log } = serve({ handlers: { [hook]: oops } })
    const { status, body } = await post(paths[hook], request())
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'Failure', message: expect.stringMatching(/\(UNEXPECTED\)$/) })
    expect(JSON.stringify(body)).not.toContain('the reason')
    expect(log()).toContain('the reason that only the log has')
  })
})

test.each([
  'canUpdateMachine',
  'canUpdateMachineSet',
] as const)('%s survives objects that are nested too deep to be walked', async (hook) => {
  const { post } = serve()
  const request = bodies[hook]() as { desired: Record<string, Json> }
  const name = hook === 'canUpdateMachine' ? 'bootstrapConfig' : 'bootstrapConfigTemplate'
  put(request.desired, [name, 'spec'], 'DEEP')
  const text = JSON.stringify(request).replace('"DEEP"', deep(mebibyte))
  const answer = await post(paths[hook], text)
  expect(answer.status).toBe(200)
  expect((await post(paths[hook], bodies[hook]())).body.status).toBe('Success')
})

test.each([
  ['another hook of Cluster API', '/hooks.runtime.cluster.x-k8s.io/v1alpha1/beforeclustercreate/before-cluster-create'],
  ['a hook of another name', `${paths.updateMachine}-2`],
  ['a hook without a name', '/hooks.runtime.cluster.x-k8s.io/v1alpha1/updatemachine'],
  ['a hook of another version', paths.updateMachine.replace('v1alpha1', 'v1beta1')],
  ['a hook in capitals', paths.updateMachine.replace('updatemachine', 'UpdateMachine')],
  ['the root', '/'],
  ['a path with tricks', '/../../etc/passwd'],
])('%s is not found, with a code and what to do', async (_, path) => {
  const { post } = serve()
  const { status, body } = await post(path, asked.machine())
  expect(status).toBe(404)
  expect(body).toMatchObject({
    code: 'HOOK_UNKNOWN',
    message: expect.stringContaining('There is nothing at /'),
  })
  expect(body.todo).not.toBe('')
})

test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)('a hook answers no %s', async (method) => {
  const { app } = serve({ upgrades: upgradesAt(underWay) })
  const answer = await app.inject({ method, url: paths.updateMachine })
  expect(answer.statusCode).toBe(404)
  expect(answer.json().code).toBe('HOOK_UNKNOWN')
})

test('an address that cannot be decoded is answered with a code', async () => {
  const { post } = serve()
  const { status, body } = await post('/%zz', {})
  expect(status).toBe(404)
  expect(body.code).toBe('HOOK_UNKNOWN')
})

describe('discovery', () => {
  test.each([
    ['the captured request', JSON.stringify(captured('discovery').body)],
    ['nothing', ''],
    ['half a request', '{"kind":"Disc'],
    ['settings that do not exist', '{"settings":{"x":"y"}}'],
    ['a list', '[]'],
  ])('succeeds with a body of %s', async (_, body) => {
    const { post } = serve()
    const answer = await post(paths.discovery, body)
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ kind: 'DiscoveryResponse', status: 'Success' })
  })
})

test('the time limit in the address, which CAPI adds, is no part of the path', async () => {
  const { post } = serve({ upgrades: upgradesAt(underWay) })
  const { url, body } = captured('update-machine.worker')
  expect((await post(url, body)).body.status).toBe('Success')
})
