import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import type { Throughput } from '../../scripts/docs/performance/results.ts'
import { testExtension } from '../../scripts/lab/build/test-extension.ts'
import { ladders } from '../../scripts/lab/host/versions.ts'
import { until } from '../management/until.ts'
import type { ServiceAddress } from '../player/call.ts'
import { discover } from '../player/cluster-api.ts'
import { capturedRequest } from '../player/requests.ts'
import { whileBusy } from './busy.ts'
import type { Measure } from './orchestrate.ts'

const root = new URL('../../', import.meta.url).pathname
const connectionCounts = [1, 8]
const [from, to] = ladders.built
const secondsEach = 5
// By then both have compiled their hot code.
const warmUpSeconds = 3

/** Measures how many calls of the CanUpdate hooks this service and Cluster API's test extension answer, one after the other. */
export const hookThroughput: Measure = async ({ busy }) => {
  const program = await testExtension()
  const home = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-bench-'))
  try {
    const [mine, other] = [await service(home), await extension(home, program)]
    try {
      return await whileBusy(busy, async () => {
        const throughput: Throughput[] = []
        for (const connections of connectionCounts) {
          for (const hook of ['CanUpdateMachine', 'CanUpdateMachineSet'] as const) {
            throughput.push(await measured('this service', mine.address, hook, connections))
            throughput.push(await measured('test extension', other.address, hook, connections))
          }
        }
        return { throughput }
      })
    } finally {
      for (const { stop } of [mine, other]) await stop()
    }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

const requests = {
  CanUpdateMachine: 'can-update-machine.version',
  CanUpdateMachineSet: 'can-update-machine-set.version',
} as const

async function measured(
  server: Throughput['server'],
  address: ServiceAddress,
  hook: keyof typeof requests,
  connections: number,
): Promise<Throughput> {
  const path = (await discover(address)).get(hook)
  if (path === undefined) throw new Error(`${server}: discovery does not name ${hook}`)
  const { cert } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  const body = JSON.stringify(
    capturedRequest(requests[hook], { cluster: 'bench', machine: 'bench-machine', from, to, ca: cert }),
  )
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const call = () => callHook(address, agent, path, body)
  try {
    await during(warmUpSeconds, connections, call)
    return { server, hook, connections, perSecond: await during(secondsEach, connections, call) }
  } finally {
    agent.destroy()
  }
}

// Returns the calls per second, with so many in progress at any time.
async function during(seconds: number, atOnce: number, call: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  let count = 0
  const one = async () => {
    while (performance.now() - begun < seconds * 1000) {
      await call()
      count++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return count / ((performance.now() - begun) / 1000)
}

function callHook({ url, ca }: ServiceAddress, agent: Agent, path: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': String(Buffer.byteLength(body)) }
    const call = request(new URL(path, url), { method: 'POST', agent, ca, headers, timeout: 10_000 })
    call.on('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        const isSuccess = response.statusCode === 200 && /"status": ?"Success"/.test(text)
        isSuccess ? resolve() : reject(new Error(`${path}: ${response.statusCode} ${text.slice(0, 300)}`))
      })
    })
    call.on('timeout', () => call.destroy(new Error(`no response from ${path} within 10 s`)))
    call.on('error', reject)
    call.end(body)
  })
}

// Starts the service with the arguments of its image.
async function service(home: string) {
  const entrypoint = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1] ?? '[]'
  const { port, ca } = await certified(home)
  const environment = {
    UPGRADER_PORT: String(port),
    UPGRADER_TLS_CERT_FILE: join(home, 'tls.crt'),
    UPGRADER_TLS_KEY_FILE: join(home, 'tls.key'),
    MALLOC_ARENA_MAX: '1',
  }
  const args: string[] = JSON.parse(entrypoint).slice(1)
  return started(home, process.execPath, args, { port, ca, environment })
}

// Starts the test extension. It needs a kubeconfig, but calls no API server for these hooks.
async function extension(home: string, program: string) {
  const { port, ca } = await certified(home)
  const kubeconfig = join(home, 'kubeconfig')
  const cluster = { name: 'none', cluster: { server: 'https://127.0.0.1:1' } }
  const context = { name: 'none', context: { cluster: 'none', user: '' } }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [cluster],
    contexts: [context],
    'current-context': 'none',
  }
  await writeFile(kubeconfig, JSON.stringify(config))
  const args = [
    `--webhook-cert-dir=${home}`,
    `--webhook-port=${port}`,
    `--kubeconfig=${kubeconfig}`,
    '--health-addr=127.0.0.1:0',
    '--diagnostics-address=127.0.0.1:0',
  ]
  return started(home, program, args, { port, ca, environment: {} })
}

interface ServerOptions {
  port: number
  ca: string
  environment: Record<string, string>
}

// The process writes its log to a file itself.
async function started(
  home: string,
  program: string,
  args: readonly string[],
  { port, ca, environment }: ServerOptions,
) {
  const logFile = join(home, `${port}.log`)
  const log = openSync(logFile, 'a')
  const env = { PATH: process.env.PATH ?? '', ...environment }
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', log, log] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    process.off('exit', kill)
  }
  const address: ServiceAddress = { url: `https://localhost:${port}`, ca }
  try {
    await until(`${program} responds`, 60, async () => (await discover(address)).size > 0)
  } catch (thrown) {
    await stop()
    throw new Error(`${(thrown as Error).message}\n${readFileSync(logFile, 'utf8').slice(-500)}`)
  }
  return { address, stop }
}

let certificate: Promise<{ cert: string; private: string }> | undefined

async function certified(home: string): Promise<{ port: number; ca: string }> {
  certificate ??= generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  const { cert, private: key } = await certificate
  await writeFile(join(home, 'tls.crt'), cert)
  await writeFile(join(home, 'tls.key'), key, { mode: 0o600 })
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return { port, ca: cert }
}
