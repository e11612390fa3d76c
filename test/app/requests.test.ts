import { METHODS } from 'node:http'
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
    ['a million values', `[${'{},'.repeat(mebibyte)}{}]`],
  ])('answers a body of %s with REQUEST_INVALID', (_, body) => expectFailure(body, 'REQUEST_INVALID'))

  test('answers wrong types with REQUEST_INVALID', async () => {
    for (const value of [null, 5, 'x', [], true]) {
      await expectFailure({ ...request(), desired: value }, 'REQUEST_INVALID')
    }
  })

  test('answers a body of 11 MiB with REQUEST_TOO_LARGE', () =>
    expectFailure('x'.repeat(11 * mebibyte), 'REQUEST_TOO_LARGE'))

  test('takes a body of nearly 10 MiB', async () => {
    const { post } = serve({ upgrades: upgradesAt(underWay) })
    const big = { ...request(), padding: 'x'.repeat(10 * mebibyte - whole.length - 100) }
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

  test('answers an unknown error with UNEXPECTED, and logs what it was', async () => {
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

describe.each(['canUpdateMachine', 'canUpdateMachineSet'] as const)('%s with an object inside that has', (hook) => {
  const name = hook === 'canUpdateMachine' ? 'bootstrapConfig' : 'bootstrapConfigTemplate'

  async function answerTo(spec: string | Buffer) {
    const request = bodies[hook]() as { desired: Record<string, Json> }
    put(request.desired, [name, 'spec'], 'SPEC')
    const [before = '', after = ''] = JSON.stringify(request).split('"SPEC"')
    const { app } = serve()
    const payload = Buffer.concat([before, spec, after].map((part) => Buffer.from(part)))
    return (await app.inject({ method: 'POST', url: paths[hook], payload })).json()
  }

  test.each([
    ['95 levels', deep(95)],
    ['90,000 values', `[${'0,'.repeat(90_000)}0]`],
    ['brackets, commas, quotes and backslashes in a text', JSON.stringify({ text: '[{,"\\'.repeat(200_000) })],
    ['letters of several bytes', '"ü € 😀"'],
  ])('%s is looked at', async (_, spec) => {
    expect(await answerTo(spec)).toMatchObject({ status: 'Success' })
  })

  test.each([
    ['101 levels', deep(101), 'REQUEST_INVALID'],
    ['200,000 values', `[${'0,'.repeat(200_000)}0]`, 'REQUEST_INVALID'],
    ['bytes that are not UTF-8 in a text', Buffer.from([0x22, 0xff, 0x22]), 'REQUEST_NOT_JSON'],
    ['half a letter', Buffer.from([0x22, 0xe2, 0x82, 0x22]), 'REQUEST_NOT_JSON'],
  ])('%s is a Failure', async (_, spec, code) => {
    expect(await answerTo(spec)).toMatchObject({ status: 'Failure', message: expect.stringContaining(`(${code})`) })
  })
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
    message: expect.stringMatching(/\/\S*\. \(HOOK_UNKNOWN\)$/),
  })
  expect(body.todo).not.toBe('')
})

// Node has a parser for more methods than Fastify has routes for, and some have rules of their own there.
const otherMethods = METHODS.filter((method) => !['POST', 'CONNECT', 'HEAD'].includes(method))

test.each(otherMethods)('a hook answers no %s, with a body or without', async (method) => {
  const { app, log } = serve({ upgrades: upgradesAt(underWay) })
  for (const payload of [undefined, '{}']) {
    const options = { method: method as 'GET', url: paths.updateMachine }
    const answer = await app.inject(payload ? { ...options, payload } : options)
    expect(answer.statusCode).toBe(404)
    expect(answer.json().code).toBe('HOOK_UNKNOWN')
  }
  expect(log()).not.toContain('UNEXPECTED')
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
