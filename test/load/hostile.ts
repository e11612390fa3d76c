import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { asked } from '../contract/captured.ts'
import { Caller, paths } from './caller.ts'
import { failingNames, loudNames, talkativeNames, updateMachine } from './names.ts'
import type { ServiceProcess } from './processes.ts'
import { forEach, until } from './until.ts'

const mebibyte = 1024 * 1024

/** What a hostile request, machine or caller does, and how many of them there are in the whole load and in a small one. */
export interface Attack {
  what: string
  count: { full: number; small: number }
  run(service: ServiceProcess, count: number): Promise<void>
}

/** What an attack came to. */
export interface Attacked {
  what: string
  /** Bytes: the most that was resident meanwhile. */
  peak: number
  /** The longest that a probe had to wait. */
  slowestProbeMs: number
}

/** Attacks on the memory of the service, from the outside and from machines whose root is a tenant. */
export const attacks: readonly Attack[] = [
  {
    what: 'machines print 450 MB each',
    count: { full: 20, small: 2 },
    run: (service, count) => allHaveNews(service, loudNames(count), 'OUTPUT_TOO_LARGE'),
  },
  {
    what: 'commands of machines fail with 3 MiB of errors each',
    count: { full: 50, small: 5 },
    run: (service, count) => allHaveNews(service, failingNames(count), 'EXEC_FAILED'),
  },
  {
    what: 'bodies of 9 MiB, all at once',
    count: { full: 20, small: 4 },
    run: (service, count) => bodies(service, count, 9),
  },
  {
    what: 'bodies of 19 MiB, all at once',
    count: { full: 20, small: 4 },
    run: (service, count) => bodies(service, count, 19),
  },
  {
    what: 'bodies of 9 MiB that never end',
    count: { full: 30, small: 0 },
    run: endlessBodies,
  },
  {
    what: 'files that change, by the thousand',
    count: { full: 20, small: 1 },
    run: (service, count) => canUpdate(service, changedFiles(count * 1000)),
  },
  {
    what: 'levels of JSON, by the thousand',
    count: { full: 100, small: 4 },
    run: (service, count) =>
      canUpdate(service, withSpec(`${'{"a":'.repeat(count * 1000)}1${'}'.repeat(count * 1000)}`)),
  },
  {
    what: 'wrong labels, by the thousand',
    count: { full: 400, small: 10 },
    run: (service, count) => canUpdate(service, wrongLabels(count * 1000)),
  },
  {
    what: 'machines that are under way have logs of 2.5 MB each',
    count: { full: 100, small: 5 },
    run: (service, count) => allHaveNews(service, talkativeNames(count), '"message":"step '),
  },
]

/** Runs the attack while probes go on, and reads what it came to. */
export async function attack(service: ServiceProcess, { what, run, count }: Attack, size: 'full' | 'small') {
  service.resetPeak()
  const stop = new AbortController()
  const probes = withCaller(service, 1, (caller) => probe(caller, stop.signal))
  const end = run(service, count[size]).finally(() => stop.abort())
  const [slowestProbeMs] = await Promise.all([probes, end])
  return { what: `${count[size]} x: ${what}`, peak: service.peak(), slowestProbeMs } satisfies Attacked
}

async function probe(caller: Caller, stopped: AbortSignal): Promise<number> {
  let slowest = 0
  while (!stopped.aborted) {
    const start = performance.now()
    const { status } = await caller.call('GET', '/healthz')
    expectThat(status === 200, `/healthz: ${status}`)
    slowest = Math.max(slowest, performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return slowest
}

// Polls the machines, all at the same time, until each has this in its answer.
function allHaveNews(service: ServiceProcess, names: string[], news: string): Promise<void> {
  return withCaller(service, 50, (caller) =>
    forEach(names, names.length, (name) => until(`${name} has its news`, () => hasNews(caller, name, news), 600)),
  )
}

async function hasNews(caller: Caller, name: string, news: string): Promise<boolean> {
  const { status, body } = await caller.call('POST', paths.update, updateMachine(name))
  expectThat(status === 200, body)
  return body.includes(news)
}

// Taken, refused, or ended while the caller was still sending.
async function bodies(service: ServiceProcess, count: number, size: number): Promise<void> {
  const body = JSON.stringify({ ...asked.machine(), padding: 'x'.repeat(size * mebibyte) })
  await withCaller(service, count, async (caller) => {
    const calls = Array.from({ length: count }, () => caller.call('POST', paths.canUpdate, body))
    for (const call of await Promise.allSettled(calls)) {
      const status = call.status === 'fulfilled' ? call.value.status : 503
      expectThat([200, 413, 503].includes(status), `a body of ${size} MiB: ${status}`)
    }
  })
  await withCaller(service, 1, async (caller) => {
    const { body } = await caller.call('POST', paths.canUpdate, JSON.stringify(asked.machine()))
    expectThat(body.includes('machinePatch'), body)
  })
}

async function endlessBodies(service: ServiceProcess, count: number): Promise<void> {
  const sockets: TLSSocket[] = []
  for (let i = 0; i < count; i++) {
    const socket = connect({ host: 'localhost', port: service.port, ca: service.ca })
    sockets.push(socket)
    socket.on('error', () => {}).resume()
    await once(socket, 'secureConnect')
    socket.write(`POST ${paths.canUpdate} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${10 * mebibyte}\r\n\r\n`)
    socket.write(Buffer.alloc(9 * mebibyte, ' '))
  }
  const areClosed = async () => sockets.every(({ destroyed }) => destroyed)
  await until('the service has closed all connections whose requests do not end', areClosed, 180)
}

async function canUpdate(service: ServiceProcess, body: string): Promise<void> {
  await withCaller(service, 1, async (caller) => {
    const { status, body: answer } = await caller.call('POST', paths.canUpdate, body)
    expectThat(status === 200, `${status} ${answer.slice(0, 200)}`)
  })
}

function changedFiles(count: number): string {
  const filesOf = (content: string) => Array.from({ length: count }, (_, i) => ({ path: `/etc/load/${i}`, content }))
  const request = asked.machine()
  Object.assign(request.current.bootstrapConfig?.spec ?? {}, { files: filesOf('a') })
  Object.assign(request.desired.bootstrapConfig?.spec ?? {}, { files: filesOf('b') })
  return JSON.stringify(request)
}

function wrongLabels(count: number): string {
  const request = asked.machine()
  const labels = Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1]))
  Object.assign(request.desired.machine?.metadata ?? {}, { labels })
  return JSON.stringify(request)
}

function withSpec(json: string): string {
  const request = asked.machine()
  Object.assign(request.desired.bootstrapConfig ?? {}, { spec: 'SPEC' })
  return JSON.stringify(request).replace('"SPEC"', json)
}

async function withCaller<T>(service: ServiceProcess, connections: number, use: (caller: Caller) => Promise<T>) {
  const caller = new Caller(service, connections)
  try {
    return await use(caller)
  } finally {
    caller.close()
  }
}

function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(what.slice(0, 500))
}
