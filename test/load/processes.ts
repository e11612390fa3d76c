import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { generate } from 'selfsigned'
import { parse } from 'yaml'
import type { EngineFigures } from './engine-process.ts'
import type { FiguresRequest, ServiceFigures } from './service-process.ts'

/** The token of the service, for start and sync. */
export const token = 'the-token-of-the-load'

const root = new URL('../../', import.meta.url).pathname

/** A fake engine in a process of its own. */
export interface EngineProcess {
  figures(): Promise<EngineFigures>
  stop(): Promise<void>
}

/** The service in a process of its own. Memory is in bytes, and the process's own account. */
export interface ServiceProcess {
  port: number
  ca: string
  figures(): Promise<ServiceFigures>
  /** Makes the service believe that so many seconds have passed. */
  skip(seconds: number): Promise<unknown>
  resident(): number
  /** The most that was resident since the start, or since `resetPeak`. */
  peak(): number
  resetPeak(): void
  stop(): Promise<void>
}

export async function startEngine(): Promise<EngineProcess> {
  const child = fork(pathOf('engine-process.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return { figures: () => reply<EngineFigures>(child, {}), stop: () => stop(child) }
}

const entries = { main: '../../src/main.ts', figures: 'service-process.ts' }

// One for all processes, filled at the first start as it is when the image is built: without it, Node loads a compiler.
const compileCache = join(root, 'node_modules/.cache/load-compile-cache')

/** `main` is the service as it is; only `figures`, which runs it, answers figures. */
export async function startService(socketPath: string, kind: keyof typeof entries): Promise<ServiceProcess> {
  const home = mkdtempSync(join(tmpdir(), 'capd-kubeadm-upgrader-load-'))
  const { ca, env } = await certificateIn(home)
  const { flags, env: ofImage } = image()
  const cached = { PATH: process.env.PATH, ...ofImage, NODE_COMPILE_CACHE: compileCache }
  execFileSync(process.execPath, [...flags, pathOf(entries.main), '--help'], { env: cached })
  const child = fork(pathOf(entries[kind]), {
    execArgv: kind === 'figures' ? [...flags, '--expose-gc', '--disable-warning=ExperimentalWarning'] : flags,
    env: {
      ...env,
      ...cached,
      NODE_OPTIONS: nodeOptions(),
      DOCKER_HOST: `unix://${socketPath}`,
      UPGRADER_PORT: '0',
      UPGRADER_TOKEN: token,
      UPGRADER_IMAGES: 'pull',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  child.once('exit', () => rmSync(home, { recursive: true, force: true }))
  const status = (field: string) => memoryOf(child, field)
  return {
    port: await portOf(child),
    ca,
    figures: () => reply<ServiceFigures>(child, { skipSeconds: undefined } satisfies FiguresRequest),
    skip: (skipSeconds) => reply(child, { skipSeconds } satisfies FiguresRequest),
    resident: () => status('VmRSS'),
    peak: () => status('VmHWM'),
    resetPeak: () => writeFileSync(`/proc/${child.pid}/clear_refs`, '5'),
    stop: () => stop(child),
  }
}

/** A container of the Deployment, as far as it matters here. Memory is a quantity of Kubernetes, such as 512Mi. */
interface DeployedContainer {
  env: { name: string; value: string }[]
  resources: Record<'requests' | 'limits', { memory: string }>
}

export function deployedContainer(): DeployedContainer {
  return parse(readFileSync(join(root, 'kind-config/base/deployment.yaml'), 'utf8')).spec.template.spec.containers[0]
}

function nodeOptions(): string {
  const found = deployedContainer().env.find(({ name }) => name === 'NODE_OPTIONS')
  if (!found) throw new Error('the Deployment has no NODE_OPTIONS')
  return found.value
}

// Node's flags and the environment, as the image's Dockerfile has them.
function image(): { flags: string[]; env: Record<string, string> } {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
  const after = (instruction: string) => new RegExp(`^${instruction} (.*)$`, 'm').exec(dockerfile)?.[1]
  const [node, ...rest] = JSON.parse(after('ENTRYPOINT') ?? '[]')
  if (node !== 'node' || rest.at(-1) !== 'src/main.ts') throw new Error('the image is not started as expected')
  const env = (after('ENV') ?? '').split(' ').map((entry) => entry.split('='))
  return { flags: rest.slice(0, -1), env: Object.fromEntries(env) }
}

function pathOf(entry: string): string {
  return new URL(entry, import.meta.url).pathname
}

async function certificateIn(home: string) {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  const env = { UPGRADER_TLS_CERT_FILE: join(home, 'tls.crt'), UPGRADER_TLS_KEY_FILE: join(home, 'tls.key') }
  writeFileSync(env.UPGRADER_TLS_CERT_FILE, cert)
  writeFileSync(env.UPGRADER_TLS_KEY_FILE, key)
  return { ca: cert, env }
}

// From the log, which is then only read so that the process can go on writing.
async function portOf(child: ChildProcess): Promise<number> {
  const lines = createInterface({ input: child.stdout as Readable })
  const port = await new Promise<number>((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /https:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found) resolve(Number(found))
    })
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it listened`)))
  })
  return port
}

async function reply<T>(child: ChildProcess, request: object): Promise<T> {
  const gone = new AbortController()
  const end = once(child, 'exit', { signal: gone.signal }).then(
    () => Promise.reject(new Error('the process has ended')),
    () => {},
  )
  try {
    const answer = once(child, 'message', { signal: gone.signal })
    child.send(request)
    return ((await Promise.race([answer, end])) as [T])[0]
  } finally {
    gone.abort()
  }
}

// Disconnecting ends both; a service that is only main.ts needs the signal.
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.disconnect()
  child.kill('SIGTERM')
  await exit
}

function memoryOf({ pid }: ChildProcess, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
}
