import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { generate } from 'selfsigned'
import { callService } from './call.ts'

export interface Service {
  url: string
  // The certificate that it serves, which is also what to trust.
  ca: string
  // The bearer token for start and sync.
  token: string
  logFile: string
  // Whether the process has ended.
  hasEnded(): boolean
  // Ends it as an operator would (SIGTERM), or as a crash does (SIGKILL), and waits until it has ended. Gives the last
  // warnings and errors of its log.
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<string[]>
}

const readySeconds = 60

// Starts the service of this repository as a process of its own on a free loopback port, with a certificate made
// for it, and waits until it says that it is ready.
export async function startService(environment: Record<string, string>): Promise<Service> {
  const home = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-'))
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  await writeFile(join(home, 'tls.crt'), cert)
  await writeFile(join(home, 'tls.key'), key, { mode: 0o600 })
  const port = await freePort()
  const token = 'e2e'
  const logFile = join(home, 'service.log')
  // Only what is asked for: a setting in the caller's own environment would be another service.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('UPGRADER_'))
  const child = execa(process.execPath, ['src/main.ts'], {
    extendEnv: false,
    env: {
      ...Object.fromEntries(inherited),
      UPGRADER_PORT: String(port),
      UPGRADER_TLS_CERT_FILE: join(home, 'tls.crt'),
      UPGRADER_TLS_KEY_FILE: join(home, 'tls.key'),
      UPGRADER_TOKEN: token,
      ...environment,
    },
    reject: false,
    buffer: false,
    all: true,
    stdin: 'ignore',
  })
  const logged = pipeline(child.all, createWriteStream(logFile, { flags: 'a' }))
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    await Promise.all([child, logged])
    const trouble = (await readFile(logFile, 'utf8')).split('\n').filter(isTrouble).slice(-10)
    await rm(home, { recursive: true })
    return trouble
  }
  // Where its successor does not start, it is stopped once more at the end.
  let ending: Promise<string[]> | undefined
  const stop = (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => {
    ending ??= end(signal)
    return ending
  }
  const service = {
    url: `https://localhost:${port}`,
    ca: cert,
    token,
    logFile,
    hasEnded: () => child.nodeChildProcess.exitCode !== null,
    stop,
  }
  await untilReady(service)
  return service
}

// A line of pino's: warnings are of level 40, errors of 50.
function isTrouble(line: string): boolean {
  return Number(/^\{"level":(\d+)/.exec(line)?.[1]) >= 40
}

async function untilReady(service: Service): Promise<void> {
  for (const limit = Date.now() + readySeconds * 1000; ; await sleep(100)) {
    if (service.hasEnded()) throw new Error(`The service ended at its start; see ${service.logFile}`)
    const ready = await callService(service, 'GET', '/readyz').catch(() => undefined)
    if (ready?.status === 200) return
    if (Date.now() > limit) throw new Error(`The service was not ready after ${readySeconds} s; see ${service.logFile}`)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
