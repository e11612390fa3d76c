import { once } from 'node:events'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { generate } from 'selfsigned'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { callService } from '../../e2e/player/call.ts'
import { coversAll, discover, post } from '../../e2e/player/cluster-api.ts'
import { asked, captured } from '../contract/captured.ts'
import { paths, serve, token, upgradesAt } from './serve.ts'

// Here the service listens on a real port with a certificate of its own: what app.inject leaves out.
const underWay = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 } as const
let tls: { cert: string; key: string }

beforeAll(async () => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  tls = { cert, key }
})

async function listen() {
  const served = serve({ tls, upgrades: upgradesAt(underWay) })
  await served.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = served.app.server.address() as AddressInfo
  const address = { url: `https://localhost:${port}`, ca: tls.cert }
  return { ...served, port, address, isAlive: async () => (await discover(address)).size === 3 }
}

test('the captured requests are answered over TLS as Cluster API sends them, with no Content-Type', async () => {
  const { address } = await listen()
  const found = await discover(address)
  expect([...found.keys()].sort()).toEqual(['CanUpdateMachine', 'CanUpdateMachineSet', 'UpdateMachine'])
  for (const name of ['can-update-machine.version', 'can-update-machine-set.version', 'update-machine.worker']) {
    const { url, body, headers } = captured(name)
    expect(Object.keys(headers)).not.toContain('content-type')
    expect([...found.values()]).toContain(url)
    const answer = await post(address, url, body)
    if ('current' in body) expect(coversAll(body as never, answer)).toBe(true)
  }
})

test('a caller that trusts another certificate gets no answer', async () => {
  const { address } = await listen()
  const other = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  await expect(discover({ ...address, ca: other.cert })).rejects.toThrow(/certificate/)
})

describe('the service goes on after', () => {
  // Sends these bytes over TLS, closes its side, and gives what came back.
  async function send(port: number, bytes: string): Promise<string> {
    const socket = connect({ port, host: 'localhost', ca: tls.cert })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'secureConnect')
    socket.end(bytes)
    return text(socket).catch(() => '')
  }

  const head = (length: number) =>
    `POST ${paths.updateMachine} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`

  test.each([
    ['a request whose body is cut off', `${head(1000)}{"kind":`],
    ['a request without an end to its headers', `POST ${paths.updateMachine} HTTP/1.1\r\nHost: loc`],
    ['a body that is longer than it says', `${head(2)}{}{}{}`],
    ['a length that is none', `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n`],
    ['text that is no HTTP', 'hello\r\n\r\n'],
    ['nothing', ''],
  ])('%s', async (_, bytes) => {
    const { port, isAlive } = await listen()
    await send(port, bytes)
    expect(await isAlive()).toBe(true)
  })

  test('a caller that does not speak TLS', async () => {
    const { port, isAlive } = await listen()
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
    expect(await isAlive()).toBe(true)
  })

  test('a caller that hangs up before its answer', async () => {
    const { port, isAlive } = await listen()
    const socket = connect({ port, host: 'localhost', ca: tls.cert })
    await once(socket, 'secureConnect')
    const body = JSON.stringify(asked.machine())
    socket.write(head(Buffer.byteLength(body)) + body)
    socket.destroy()
    expect(await isAlive()).toBe(true)
  })
})

test.each([
  ['with its length', { 'content-length': String(11 * 1024 * 1024) }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
])('a body of 11 MiB, sent %s, is answered with a coded Failure', async (_, headers) => {
  const { port } = await listen()
  const call = request({
    port,
    host: 'localhost',
    ca: tls.cert,
    method: 'POST',
    path: paths.updateMachine,
    headers,
  })
  onTestFinished(() => void call.destroy())
  // The answer comes while the body is still on its way, and then the connection is closed.
  call.on('error', () => {})
  const answered = once(call, 'response')
  for (let i = 0; i < 11; i++) call.write('x'.repeat(1024 * 1024))
  const [response] = await answered
  expect(response.statusCode).toBe(200)
  expect(JSON.parse(await text(response))).toMatchObject({
    status: 'Failure',
    message: expect.stringMatching(/\(REQUEST_TOO_LARGE\)$/),
  })
})

test('start and sync are answered on the same port', async () => {
  const { address } = await listen()
  const body = JSON.stringify({ providerID: 'docker:////m', clusterName: 'c', version: 'v1.35.4' })
  const headers = { authorization: `Bearer ${token}` }
  expect((await callService(address, 'POST', '/v1/start', body, headers)).status).toBe(202)
  expect((await callService(address, 'POST', '/v1/sync', body, headers)).status).toBe(200)
  expect((await callService(address, 'POST', '/v1/sync', body)).status).toBe(401)
})

test('many calls at once are all answered', async () => {
  const { address } = await listen()
  const calls = Array.from({ length: 40 }, () => post(address, paths.canUpdateMachine, asked.machine()))
  for (const answer of await Promise.all(calls)) expect(answer).toHaveProperty('machinePatch')
})

test('an idle connection is kept longer than the 90 s for which Cluster API keeps its side', async () => {
  const { app } = await listen()
  expect(app.server.keepAliveTimeout).toBeGreaterThan(90_000)
})
