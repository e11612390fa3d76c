import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { generate } from 'selfsigned'
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { serveWith } from '../../src/app/server.ts'
import { certificateIn, type KeyPair } from '../../src/certificate.ts'
import { recorder, serve, silent } from './serve.ts'

// A real TLS listener and files as the kubelet mounts a Secret: tls.crt -> ..data/tls.crt, ..data -> ..<time>.
const day = 24 * 60 * 60 * 1000
let home: string
let [first, second, expired]: KeyPair[] = []

async function pair(lastDay = 30): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    notBeforeDate: new Date(Date.now() - 60 * day),
    notAfterDate: new Date(Date.now() + lastDay * day),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  return { cert, key }
}

beforeAll(async () => {
  ;[first, second, expired] = await Promise.all([pair(), pair(), pair(-1)])
})

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  onTestFinished(() => rm(home, { recursive: true }))
  await mount(first)
  for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(home, name))
})

let mounts = 0

// All files at once, by one rename.
async function mount(files?: Partial<KeyPair>) {
  const folder = `..${mounts++}`
  await mkdir(join(home, folder))
  if (files?.cert !== undefined) await writeFile(join(home, folder, 'tls.crt'), files.cert)
  if (files?.key !== undefined) await writeFile(join(home, folder, 'tls.key'), files.key)
  await symlink(folder, join(home, '..data_tmp'))
  await rename(join(home, '..data_tmp'), join(home, '..data'))
}

// The service as main.ts puts it together; `reload` is what it does every few seconds.
async function listen(inUse = first as KeyPair) {
  const { log, text: logged } = recorder()
  const files = { cert: join(home, 'tls.crt'), key: join(home, 'tls.key') }
  const certificate = certificateIn({ inUse, files, take: (pair) => serveWith(app, pair), log })
  const { app } = serve({
    tls: inUse,
    engine: silent({ ping: async () => {} }),
    ready: { certificate: certificate.check },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, port, reload: certificate.reload, log: logged }
}

// Opens a connection and tells which certificate it was given.
async function shown(port: number): Promise<KeyPair | undefined> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerX509Certificate() ?? {}
  return [first, second, expired].find((pair) => pair && fingerprintOf(pair) === fingerprint256)
}

function fingerprintOf({ cert }: KeyPair) {
  return new X509Certificate(cert).fingerprint256
}

test('a new pair is served from the next connection on, and the log has its expiry', async () => {
  const { port, reload, log } = await listen()
  expect(await shown(port)).toBe(first)
  await mount(second)
  expect(await shown(port)).toBe(first)
  reload()
  expect(await shown(port)).toBe(second)
  expect(log()).toContain('a new certificate is in use')
})

test('a connection that is open stays open', async () => {
  const { port, reload } = await listen()
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  await mount(second)
  reload()
  socket.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK/)
})

test('TLS 1.1 is refused before a change and after it', async () => {
  const { port, reload } = await listen()
  const old = async () => {
    const options = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    onTestFinished(() => void socket.destroy())
    return once(socket, 'secureConnect')
  }
  await expect(old()).rejects.toThrow(/protocol version/)
  await mount(second)
  reload()
  await expect(old()).rejects.toThrow(/protocol version/)
})

test.each<[string, () => Partial<KeyPair>]>([
  ['a key that belongs to another certificate', () => ({ ...second, key: first?.key ?? '' })],
  ['half a certificate', () => ({ ...second, cert: second?.cert.slice(0, 200) ?? '' })],
  ['half a key', () => ({ ...second, key: second?.key.slice(0, 80) ?? '' })],
  ['empty files', () => ({ cert: '', key: '' })],
  ['no key', () => ({ cert: second?.cert ?? '' })],
  ['no files at all', () => ({})],
  ['a certificate that has expired', () => expired ?? {}],
])('%s is kept out: the old pair stays, the log has it once, the next good one is taken', async (_, files) => {
  const { app, port, reload, log } = await listen()
  await mount(files())
  reload()
  // Perhaps the files were just being changed: nothing is reported yet.
  expect(log()).toBe('')
  for (let i = 0; i < 3; i++) reload()
  expect(await shown(port)).toBe(first)
  expect(log().match(/cannot be used/g)).toHaveLength(1)
  expect(log()).not.toContain('PRIVATE KEY')
  expect((await app.inject('/readyz')).statusCode).toBe(200)
  await mount(second)
  reload()
  expect(await shown(port)).toBe(second)
})

test('files that did not change are no news', async () => {
  const { reload, log } = await listen()
  await mount(first)
  for (let i = 0; i < 3; i++) reload()
  expect(log()).toBe('')
})

test('the service is not ready with a certificate that has expired, reports why, and is ready with the next one', async () => {
  const { app, reload } = await listen(expired)
  const { statusCode, body } = await app.inject('/readyz')
  expect({ statusCode, body }).toEqual({
    statusCode: 503,
    body: 'The serving certificate has expired. (CERTIFICATE_EXPIRED)\n',
  })
  expect((await app.inject('/healthz')).statusCode).toBe(200)
  await mount(second)
  reload()
  expect((await app.inject('/readyz')).statusCode).toBe(200)
})
