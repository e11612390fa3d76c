import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { callService } from '../../e2e/player/call.ts'
import { discover } from '../../e2e/player/cluster-api.ts'
import { variables } from '../../src/config/environment.ts'
import { startLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'

// The process itself, started as an operator starts it. Its engine is a socket that is not there.
let home: string
let files: { UPGRADER_TLS_CERT_FILE: string; UPGRADER_TLS_KEY_FILE: string }
let ca: string
const started: ChildProcess[] = []

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  ca = cert
  files = { UPGRADER_TLS_CERT_FILE: join(home, 'tls.crt'), UPGRADER_TLS_KEY_FILE: join(home, 'tls.key') }
  await writeFile(files.UPGRADER_TLS_CERT_FILE, cert)
  await writeFile(files.UPGRADER_TLS_KEY_FILE, key)
})

afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  await rm(home, { recursive: true })
})

function start(env: Record<string, string>, args: string[] = [], stdout: 'pipe' | number = 'pipe'): ChildProcess {
  const main = new URL('../../src/main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, DOCKER_HOST: `unix://${join(home, 'no-engine.sock')}`, ...env },
    stdio: ['ignore', stdout, 'pipe'],
  })
  started.push(child)
  return child
}

// Runs it to its end.
async function run(env: Record<string, string>, ...args: string[]) {
  const child = start(env, args)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'exit'),
  ])
  return { code, stdout, stderr }
}

// Starts it on a port that the system chooses and reads from its log where that is.
async function listening(env: Record<string, string> = {}) {
  const child = start({ ...files, UPGRADER_PORT: '0', ...env })
  const log: string[] = []
  let port: string | undefined
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    log.push(line)
    port = /https:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
    if (port) break
  }
  return { child, log, address: { url: `https://localhost:${port}`, ca } }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

// The exit code that a signal leads to.
async function ended(child: ChildProcess, signal: 'SIGTERM' | 'SIGINT'): Promise<number | null> {
  const exit = once(child, 'exit')
  child.stdout?.resume()
  child.kill(signal)
  return (await exit)[0]
}

test('--help names every variable and ends with 0', async () => {
  const { code, stdout } = await run({}, '--help')
  expect(code).toBe(0)
  for (const name of Object.keys(variables)) expect(stdout).toContain(name)
})

test('an unknown option ends with 2 and reports it', async () => {
  const { code, stderr } = await run(files, '--port', '1')
  expect(code).toBe(2)
  expect(stderr).toContain('--port')
})

test('a wrong environment ends with 2, and all faults are named at once', async () => {
  const { code, stderr } = await run({ UPGRADER_PORT: 'x', UPGRADER_IMAGES: 'x', UPGRADER_TYPO: 'x' })
  expect(code).toBe(2)
  const named = ['UPGRADER_PORT', 'UPGRADER_IMAGES', 'UPGRADER_TYPO', ...Object.keys(files)]
  for (const name of named) expect(stderr).toContain(name)
})

test('a file that is no certificate ends with 2 and names the variables', async () => {
  const junk = join(home, 'junk')
  await writeFile(junk, 'junk')
  const { code, stderr } = await run({ UPGRADER_TLS_CERT_FILE: junk, UPGRADER_TLS_KEY_FILE: junk })
  expect(code).toBe(2)
  expect(stderr).toContain('UPGRADER_TLS_CERT_FILE')
})

describe('without an engine', () => {
  let service: Awaited<ReturnType<typeof listening>>

  beforeAll(async () => {
    service = await listening({ UPGRADER_BINARIES: 'node-image' })
  })

  test('it listens, serves discovery and is healthy', async () => {
    expect((await discover(service.address)).size).toBe(3)
    expect((await callService(service.address, 'GET', '/healthz')).status).toBe(200)
  })

  test('its log has from where machines get Kubernetes', () => {
    expect(service.log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ binaries: 'kindest/node:{version}', images: 'kindest/node:{version}' }),
    )
  })

  test('it is not ready, and reports why', async () => {
    const { status, body } = await callService(service.address, 'GET', '/readyz')
    expect(status).toBe(503)
    expect(body).toContain('ENGINE_UNREACHABLE')
  })

  test('start and sync are off, because it was given no token', async () => {
    for (const path of ['/v1/start', '/v1/sync'])
      expect((await callService(service.address, 'POST', path, '{}')).status).toBe(404)
  })

  test('misbehaviour is refused, because it was not allowed', async () => {
    const path = '/hooks.runtime.cluster.x-k8s.io/v1alpha1/updatemachine/update-machine'
    const { body } = await callService(service.address, 'POST', path, '{"settings":{"fault":"done-too-early"}}')
    expect(body).toContain('FAULTS_NOT_ALLOWED')
  })

  test('SIGTERM ends it with 0', async () => expect(await ended(service.child, 'SIGTERM')).toBe(0))
})

test('a command in a machine is logged at the level debug and counted', async () => {
  const { fake } = await startLab('w-1')
  const token = 'the-token-of-the-test'
  const env = { DOCKER_HOST: `unix://${fake.socketPath}`, UPGRADER_TOKEN: token, UPGRADER_LOG_LEVEL: 'debug' }
  const { child, address } = await listening(env)
  const wish = JSON.stringify({ providerID: 'docker:////w-1', clusterName: 'lab', version: target })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const { status } = await callService(address, 'POST', '/v1/start', wish, { authorization: `Bearer ${token}` })
  expect(status).toBe(202)
  for await (const line of lines) if (line.includes('a command in a machine ended')) break
  const { body } = await callService(address, 'GET', '/metrics')
  expect(body).toMatch(/^capd_kubeadm_upgrader_exec_duration_seconds_count [1-9]/m)
  expect(await ended(child, 'SIGTERM')).toBe(0)
})

test('a port that is taken ends the service with 1, and the log has the reason', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, stdout } = await run({ ...files, UPGRADER_PORT: String(port) })
  expect(code).toBe(1)
  expect(stdout).toContain('EADDRINUSE')
})

test('a service whose log is not read any more ends with 1 and one line of why', async () => {
  const child = start({ ...files, UPGRADER_PORT: '0', UPGRADER_FAULTS: 'allow' })
  const exit = once(child, 'exit')
  const stderr = text(child.stderr as NodeJS.ReadableStream)
  // As `head -n 1` does. Another line follows: where it listens.
  for await (const _line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) break
  child.stdout?.destroy()
  expect((await exit)[0]).toBe(1)
  expect(await stderr).toMatch(/^[^\n]*log is lost[^\n]*\n$/)
})

test.skipIf(process.platform !== 'linux')('a full disk below standard output does not end the service', async () => {
  const full = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(full))
  const port = await freePort()
  const child = start({ ...files, UPGRADER_PORT: String(port) }, [], full)
  const address = { url: `https://localhost:${port}`, ca }
  await vi.waitUntil(() => callService(address, 'GET', '/healthz').catch(() => undefined), { timeout: 30_000 })
  expect((await callService(address, 'POST', '/v1/unknown', '{}')).status).toBe(404)
  expect((await callService(address, 'GET', '/healthz')).status).toBe(200)
  expect(await ended(child, 'SIGTERM')).toBe(0)
})

test('where misbehaviour is allowed, the log has a warning; and SIGINT ends it with 0', async () => {
  const { child, log } = await listening({ UPGRADER_FAULTS: 'allow' })
  expect(log.join('\n')).toContain('MISBEHAVIOUR IS ALLOWED')
  expect(await ended(child, 'SIGINT')).toBe(0)
})

test('where a client CA is set, hooks need a certificate and probes do not; the CA is read again', async () => {
  const ca = join(home, 'client-ca.crt')
  const extensions = [{ name: 'basicConstraints', cA: true, critical: true } as const]
  const [first, second] = await Promise.all(
    ['one', 'other'].map((value) => generate([{ name: 'commonName', value }], { keyType: 'ec', extensions })),
  )
  await writeFile(ca, first?.cert ?? '')
  const { child, address } = await listening({ UPGRADER_CLIENT_CA_FILE: ca })
  const path = '/hooks.runtime.cluster.x-k8s.io/v1alpha1/updatemachine/update-machine'
  expect((await callService(address, 'POST', path, '{}')).status).toBe(401)
  expect((await callService(address, 'GET', '/healthz')).status).toBe(200)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  await writeFile(ca, second?.cert ?? '')
  for await (const line of lines) if (line.includes('a new client CA is in use')) break
  expect((await callService(address, 'POST', path, '{}')).status).toBe(401)
  expect(await ended(child, 'SIGTERM')).toBe(0)
})
