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

/** A running service. */
export interface Service {
  url: string
  /** Its serving certificate, which is also the CA to trust (PEM). */
  ca: string
  /** The bearer token for start and sync. */
  token: string
  logFile: string
  /** Reports whether the process has ended. */
  hasEnded(): boolean
  /**
   * Ends the process, by default with SIGTERM as the kubelet does, and waits for its end. Returns the last warnings and errors
   * of its log.
   */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<string[]>
}

const readySeconds = 60

/**
 * Starts the service of this repository as a process on a free loopback port, with a new certificate, and waits until it is
 * ready. Throws when it ends or is not ready within 60 s.
 */
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
  // Settings in the environment of the caller are not passed on.
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
    const warnings = (await readFile(logFile, 'utf8')).split('\n').filter(isWarning).slice(-10)
    await rm(home, { recursive: true })
    return warnings
  }
  // It may be stopped a second time when the service that replaces it does not start.
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
  try {
    await untilReady(service)
  } catch (thrown) {
    // The log is kept, because the error names it. A service that continues would keep this process running.
    child.kill('SIGKILL')
    throw thrown
  }
  return service
}

// pino's level of warnings is 40, of errors 50.
function isWarning(line: string): boolean {
  return Number(/^\{"level":(\d+)/.exec(line)?.[1]) >= 40
}

async function untilReady(service: Service): Promise<void> {
  for (const limit = Date.now() + readySeconds * 1000; ; await sleep(100)) {
    if (service.hasEnded()) throw new Error(`The service ended while starting; see ${service.logFile}`)
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
