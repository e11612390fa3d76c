import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ConnectionOptions } from 'node:tls'
import { generate } from 'selfsigned'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createClients } from '../../src/app/clients.ts'
import { serveWith } from '../../src/app/server.ts'
import { clientCaIn, type KeyPair } from '../../src/certificate.ts'
import { asked, captured } from '../contract/captured.ts'
import { type Listening, listen, selfSigned } from './listen.ts'
import { paths, recorder, token, upgradesAt } from './serve.ts'

// Callers with certificates, over TLS.
const underWay = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 } as const
const day = 24 * 60 * 60 * 1000
let tls: KeyPair
let ca: KeyPair
let otherCa: KeyPair
let manager: KeyPair

async function authority(name: string): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  })
  return { cert, key }
}

interface Wanted {
  by: KeyPair
  name?: string
  dns?: string[]
  usage?: 'clientAuth' | 'serverAuth'
  // Days from now.
  from?: number
  until?: number
}

async function clientCertificate({ by, name = 'manager', dns = [], usage = 'clientAuth', ...valid }: Wanted) {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: by,
    notBeforeDate: new Date(Date.now() + (valid.from ?? -1) * day),
    notAfterDate: new Date(Date.now() + (valid.until ?? 30) * day),
    extensions: [
      { name: 'extKeyUsage', [usage]: true },
      ...(dns.length > 0
        ? [{ name: 'subjectAltName', altNames: dns.map((value) => ({ type: 2 as const, value })) } as const]
        : []),
    ],
  })
  return { cert, key }
}

beforeAll(async () => {
  ;[tls, ca, otherCa] = await Promise.all([selfSigned(), authority('one'), authority('other')])
  manager = await clientCertificate({ by: ca })
})

interface Wish {
  names?: string[]
  now?: () => number
}

async function listenFor({ names = [], now = Date.now }: Wish = {}) {
  const clients = createClients({ names, now })
  const listening = await listen({ ...tls, ca: ca.cert }, { clients, upgrades: upgradesAt(underWay) })
  return { ...listening, clients }
}

// One request on a connection of its own, with these TLS options.
async function call(
  { port }: Listening,
  options: ConnectionOptions,
  method: string,
  path: string,
  body = '',
  headers: Record<string, string> = {},
) {
  const all = { port, host: 'localhost', ca: tls.cert, agent: false, method, path, headers, ...options }
  const sent = request({ ...all, ca: tls.cert } as object)
  sent.end(body)
  const [response] = await once(sent, 'response')
  return { status: response.statusCode, body: await text(response) }
}

const update = () => JSON.stringify(captured('update-machine.worker').body)
const start = JSON.stringify({ providerID: 'docker:////m', clusterName: 'c', version: 'v1.35.4' })
const bearer = { authorization: `Bearer ${token}` }

// Each call that needs a certificate.
const closed: [string, () => string, Record<string, string>][] = [
  [paths.updateMachine, update, {}],
  [paths.canUpdateMachine, () => JSON.stringify(asked.machine()), {}],
  [paths.canUpdateMachineSet, () => JSON.stringify(asked.machineSet()), {}],
  ['/v1/start', () => start, bearer],
  ['/v1/sync', () => start, bearer],
]

describe('with a certificate of the CA', () => {
  test.each(closed)('%s is answered', async (path, body, headers) => {
    const service = await listenFor()
    const { status, body: answer } = await call(service, manager, 'POST', path, body(), headers)
    expect(status).toBeLessThan(300)
    expect(answer).not.toContain('"Failure"')
  })
})

describe('without a certificate', () => {
  test.each(closed)('%s is refused with 401 and a code, and nothing is started', async (path, body, headers) => {
    const service = await listenFor()
    const { status, body: answer } = await call(service, {}, 'POST', path, body(), headers)
    expect(status).toBe(401)
    expect(JSON.parse(answer)).toMatchObject({ code: 'CLIENT_CERTIFICATE', todo: expect.stringMatching(/./) })
    expect(service.log()).toContain('"detail":"no certificate"')
    const metrics = await call(service, {}, 'GET', '/metrics')
    expect(metrics.body).toContain('requests_refused_total{code="CLIENT_CERTIFICATE"} 1')
    expect(metrics.body).not.toContain('status="Failure"')
  })

  test('a body is not read', async () => {
    const { open } = await listenFor()
    const socket = await open()
    socket.write(`POST ${paths.updateMachine} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /)
  })

  test.each(['/healthz', '/metrics'])('%s is answered: the kubelet and Prometheus have none', async (path) => {
    expect((await call(await listenFor(), {}, 'GET', path)).status).toBe(200)
  })

  test('discovery is answered: Cluster API ends when it fails', async () => {
    expect((await call(await listenFor(), {}, 'POST', paths.discovery, '{}')).status).toBe(200)
  })

  // A resumed session is not verified again.
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('a caller who resumes a session of %s is refused', async (version) => {
    const service = await listenFor()
    const options = { minVersion: version, maxVersion: version }
    const first = await service.open(options)
    first.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(first, 'data')
    const second = await service.open({ ...options, session: first.getSession() })
    expect(second.isSessionReused()).toBe(true)
    second.write(`POST ${paths.updateMachine} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`)
    const [answer] = await once(second, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /)
  })
})

describe('a certificate is refused', () => {
  test.each<[string, () => Promise<KeyPair>]>([
    ['of another CA', () => clientCertificate({ by: otherCa })],
    ['of another CA of the same name', async () => clientCertificate({ by: await authority('one') })],
    ['that signs itself', () => selfSigned()],
    ['that has expired', () => clientCertificate({ by: ca, from: -3, until: -1 })],
    ['that is not valid yet', () => clientCertificate({ by: ca, from: 1 })],
    ['that is for servers', () => clientCertificate({ by: ca, usage: 'serverAuth' })],
  ])('%s', async (_, make) => {
    const { status } = await call(await listenFor(), await make(), 'POST', paths.updateMachine, update())
    expect(status).toBe(401)
  })

  test('that expires while its connection is open', async () => {
    let time = Date.now()
    const service = await listenFor({ now: () => time })
    const socket = await service.open(manager)
    const post = `POST ${paths.updateMachine} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`
    socket.write(post)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
    time += 31 * day
    socket.write(post)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 401 /)
  })
})

describe('with names', () => {
  const names = ['capi-core', 'capi-kcp.example']

  test.each<[string, Partial<Wanted>]>([
    ['as the common name', { name: 'capi-core' }],
    ['as a DNS name', { name: 'x', dns: ['a.example', 'capi-kcp.example'] }],
    ['as the common name next to DNS names', { name: 'capi-core', dns: ['a.example'] }],
  ])('a certificate that has one %s is accepted', async (_, wanted) => {
    const certificate = await clientCertificate({ by: ca, ...wanted })
    const { status } = await call(await listenFor({ names }), certificate, 'POST', paths.updateMachine, update())
    expect(status).toBe(200)
  })

  test.each<[string, Partial<Wanted>]>([
    ['has none of them', { name: 'manager' }],
    ['has a part of one', { name: 'capi' }],
    ['has one and more', { name: 'capi-core.example' }],
    ['has a wildcard', { name: 'x', dns: ['*.example'] }],
  ])('a certificate that %s is refused', async (_, wanted) => {
    const certificate = await clientCertificate({ by: ca, ...wanted })
    const { status } = await call(await listenFor({ names }), certificate, 'POST', paths.updateMachine, update())
    expect(status).toBe(401)
  })
})

describe('a CA that changes', () => {
  async function changing() {
    const home = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
    onTestFinished(() => rm(home, { recursive: true }))
    const file = join(home, 'ca.crt')
    await writeFile(file, ca.cert)
    const service = await listenFor()
    const { log, text: logged } = recorder()
    const { reload } = clientCaIn({
      inUse: { ca: ca.cert },
      files: { ca: file },
      log,
      take(changed) {
        serveWith(service.app, { ...tls, ...changed })
        service.clients.caChanged()
      },
    })
    const put = async (content: string) => {
      await writeFile(file, content)
      reload()
    }
    const status = async (pair: KeyPair) => (await call(service, pair, 'POST', paths.updateMachine, update())).status
    return { service, put, reload, status, logged }
  }

  test('lets the callers of the new one in and those of the old one no more', async () => {
    const { put, status } = await changing()
    const other = await clientCertificate({ by: otherCa })
    expect([await status(manager), await status(other)]).toEqual([200, 401])
    await put(otherCa.cert)
    expect([await status(manager), await status(other)]).toEqual([401, 200])
    await put(`${otherCa.cert}\n${ca.cert}`)
    expect([await status(manager), await status(other)]).toEqual([200, 200])
  })

  test('closes connections that are idle: the next call opens one, and is checked', async () => {
    const { service, put } = await changing()
    const socket = await service.open(manager)
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'data')
    const ended = once(socket, 'end')
    await put(otherCa.cert)
    await ended
  })

  test('closes a connection after the call that is under way, and serves no other on it', async () => {
    const { service, put } = await changing()
    const socket = await service.open(manager)
    const body = update()
    socket.write(`POST ${paths.updateMachine} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`)
    const [under] = await once(service.app.server, 'request')
    await vi.waitFor(() => expect(under.listenerCount('data')).toBeGreaterThan(0))
    await put(otherCa.cert)
    socket.write(body)
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(answer).toMatch(/^connection: close\r$/im)
  })

  test.each([
    ['is empty', ''],
    ['is no certificate', 'junk'],
    ['is half a certificate', () => otherCa.cert.slice(0, 200)],
    [
      'is a certificate and half of one',
      () => `${otherCa.cert}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    ],
    ['is no CA', () => manager.cert],
  ])('and %s is not taken into use: the one from before stays, and the log has it once', async (_, content) => {
    const { put, reload, status, logged } = await changing()
    await put(typeof content === 'string' ? content : content())
    for (let i = 0; i < 3; i++) reload()
    expect([await status(manager), await status(await clientCertificate({ by: otherCa }))]).toEqual([200, 401])
    expect(logged().match(/the new client CA cannot be used/g)).toHaveLength(1)
  })
})

test('where no CA is set, callers need no certificate, and one that they show does not matter', async () => {
  const service = await listen(tls, { upgrades: upgradesAt(underWay) })
  expect((await call(service, {}, 'POST', paths.updateMachine, update())).status).toBe(200)
  expect((await call(service, manager, 'POST', paths.updateMachine, update())).status).toBe(200)
})
