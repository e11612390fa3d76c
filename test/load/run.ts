import { Caller } from './caller.ts'
import { type Attack, attack, attacks } from './hostile.ts'
import { loadOnce } from './load-once.ts'
import { deployedContainer, type EngineProcess, type ServiceProcess, startEngine, startService } from './processes.ts'
import type { Size } from './size.ts'

/** One line of the table. */
export interface Row {
  what: string
  /** What was measured, and what it may be. */
  measured: string
  limit: string
  isKept: boolean
}

type Report = (line: string) => void

const mebibyte = 1024 * 1024
const idleLimit = 120 * mebibyte

/** Runs the idle service, the load twice (three times where objects grow) and the attacks, and judges them. Throws where the service does not do its work. */
export async function run(size: Size, report: Report): Promise<Row[]> {
  const engine = await startEngine()
  try {
    const { socketPath } = await engine.figures()
    const rows = [
      ...(await withService(socketPath, 'main', (service) => idle(service, size))),
      ...(await withService(socketPath, 'figures', (service) => twice({ engine, service, size, report }))),
      ...(await withService(socketPath, 'figures', (service) => hostile(service, size, report))),
    ]
    const { unknown } = await engine.figures()
    if (unknown.length > 0) throw new Error(`not simulated:\n${unknown.slice(0, 10).join('\n')}`)
    return rows
  } finally {
    await engine.stop()
  }
}

async function withService<T>(
  socketPath: string,
  kind: 'main' | 'figures',
  use: (service: ServiceProcess) => Promise<T>,
): Promise<T> {
  const service = await startService(socketPath, kind)
  try {
    return await use(service)
  } finally {
    await service.stop()
  }
}

// The kubelet's probes, each over a connection of its own.
async function idle(service: ServiceProcess, { probes }: Size): Promise<Row[]> {
  const start = service.resident()
  const caller = new Caller(service, 0)
  for (let i = 0; i < probes; i++) {
    for (const path of ['/healthz', '/readyz']) {
      const { status, body } = await caller.call('GET', path)
      if (status !== 200) throw new Error(`${path}: ${status} ${body}`)
    }
  }
  const end = service.resident()
  return [
    idleRow('resident memory at the start', start),
    idleRow(`resident memory after ${probes} rounds of probes`, end),
  ]
}

async function twice(parties: {
  engine: EngineProcess
  service: ServiceProcess
  size: Size
  report: Report
}): Promise<Row[]> {
  const { service, size, report } = parties
  const { polls, machines, hungCalls } = size
  report(`the first load: ${polls} polls, ${machines} machines with files, ${hungCalls} hung calls to the engine`)
  const first = await loadOnce(parties, 'first')
  report('the second load, of the same size')
  const second = await loadOnce(parties, 'second')
  // What is filled once, such as a cache, does not grow again. A leak grows with each load.
  const isMore = second.objects > first.objects + size.moreObjects
  if (isMore) report(`${first.objects} objects, then ${second.objects}: a third load`)
  const [before, after] = isMore ? [second, await loadOnce(parties, 'third')] : [first, second]
  const most = service.peak()
  return [
    grown('heap after garbage collection', first.heap, second.heap, size, inMebibytes),
    grown('the same with external memory', first.heapAndExternal, second.heapAndExternal, size, inMebibytes),
    grown('descriptors', first.descriptors, second.descriptors, size, String),
    counted('objects after garbage collection', before.objects, after.objects, before.objects + size.moreObjects),
    counted('connections to the engine', first.connections, second.connections, size.waiting),
    row('resident memory after the first load', first.resident, limit()),
    row('resident memory after the second load', second.resident, limit()),
    row('most resident memory of both loads', most, limit()),
  ]
}

async function hostile(service: ServiceProcess, size: Size, report: Report): Promise<Row[]> {
  const rows: Row[] = []
  const isPart = ({ count }: Attack) => count[size.name] > 0
  for (const one of attacks.filter(isPart)) {
    const { what, peak, slowestProbeMs } = await attack(service, one, size.name)
    report(what)
    rows.push(row(`${what} (slowest probe ${Math.round(slowestProbeMs)} ms)`, peak, limit()))
  }
  return rows
}

function row(what: string, measured: number, limit: number): Row {
  return { what, measured: inMebibytes(measured), limit: `at most ${inMebibytes(limit)}`, isKept: measured <= limit }
}

function idleRow(what: string, measured: number): Row {
  const request = bytesOf(deployedContainer().resources.requests.memory)
  return {
    what,
    measured: inMebibytes(measured),
    limit: `at most ${inMebibytes(idleLimit)}, below the request of ${inMebibytes(request)}`,
    isKept: measured <= idleLimit && measured < request,
  }
}

function grown(what: string, first: number, second: number, { growth }: Size, text: (value: number) => string): Row {
  const percent = ((second / first - 1) * 100).toFixed(1)
  return {
    what,
    measured: `${text(first)}, then ${text(second)}: ${percent} %`,
    limit: `less than ${growth * 100} %`,
    isKept: second < first * (1 + growth),
  }
}

function counted(what: string, first: number, second: number, limit: number): Row {
  return { what, measured: `${first}, then ${second}`, limit: `at most ${limit}`, isKept: second <= limit }
}

function inMebibytes(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(1)} MiB`
}

function limit(): number {
  return bytesOf(deployedContainer().resources.limits.memory)
}

function bytesOf(quantity: string): number {
  const mebibytes = /^(\d+)Mi$/.exec(quantity)?.[1]
  if (mebibytes === undefined) throw new Error(`a quantity in Mi is expected: ${quantity}`)
  return Number(mebibytes) * mebibyte
}
