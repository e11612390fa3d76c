import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callService } from '../../e2e/player/call.ts'
import { paths } from '../app/serve.ts'
import { startLab } from '../fake-docker/lab.ts'
import { bodies, requestFor } from './asking.ts'

// The process itself, on the socket of a fake engine.
let home: string
let ca: string
const started: ChildProcess[] = []

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  ca = cert
  await writeFile(join(home, 'tls.crt'), cert)
  await writeFile(join(home, 'tls.key'), key)
})

afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  await rm(home, { recursive: true })
})

async function listening(faults: string, socket = join(home, 'no-engine.sock')) {
  const main = new URL('../../src/main.ts', import.meta.url).pathname
  const env = {
    PATH: process.env.PATH,
    DOCKER_HOST: `unix://${socket}`,
    UPGRADER_TLS_CERT_FILE: join(home, 'tls.crt'),
    UPGRADER_TLS_KEY_FILE: join(home, 'tls.key'),
    UPGRADER_PORT: '0',
    UPGRADER_FAULTS: faults,
  }
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  const log: string[] = []
  const lines = createInterface({ input: child.stdout })
  const port = await new Promise<string>((resolve) =>
    lines.on('line', (line) => {
      log.push(line)
      const found = /https:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found) resolve(found)
    }),
  )
  const post = async (path: string, body: unknown) =>
    (await callService({ url: `https://localhost:${port}`, ca }, 'POST', path, JSON.stringify(body))).body
  return { child, log, post }
}

test('crash-at kills the process as kill -9 does, once; the next one gets over it', async () => {
  const lab = await startLab('cp-1')
  const request = requestFor('cp-1', { fault: 'crash-at:preflight' })
  const first = await listening('allow', lab.fake.socketPath)
  // Not `exit`: what it said last may not have been read then.
  const end = once(first.child, 'close')
  await first.post(paths.updateMachine, request).catch(() => {})
  expect(await end).toEqual([null, 'SIGKILL'])
  expect(first.log.join('\n')).toContain('"fault":"crash-at"')

  const second = await listening('allow', lab.fake.socketPath)
  let heard = ''
  while (!heard.includes('fetching')) heard = await second.post(paths.updateMachine, request)
  expect(second.child.exitCode).toBe(null)
})

test('an answer that breaks off does so on a real connection, too', async () => {
  const { post } = await listening('allow')
  const settings = { fault: 'malformed-json' }
  const text = await post(paths.canUpdateMachine, { ...bodies.canUpdateMachine(), settings })
  expect(text).toMatch(/^\{"apiVersion":/)
  expect(() => JSON.parse(text)).toThrow(SyntaxError)
})

test('discovery that fails reports it at the start, and each time', async () => {
  const { log, post } = await listening('discovery-fails')
  expect(log.join('\n')).toContain('MISBEHAVIOUR IS ALLOWED')
  expect(log.join('\n')).toContain('MISBEHAVIOUR: the response to discovery')
  expect(JSON.parse(await post(paths.discovery, {}))).toMatchObject({ status: 'Failure' })
  await vi.waitFor(() => expect(log.join('\n')).toContain('"fault":"discovery-fails"'))
})
