import { setTimeout as wait } from 'node:timers/promises'
import { retryUntil } from '../../scripts/host/retry.ts'
import { target } from '../fake-docker/release.ts'
import { Caller } from './caller.ts'
import { clusterOf, hungNames, machineNames, updateMachine, waitingNames } from './names.ts'
import type { EngineProcess, ServiceProcess } from './processes.ts'
import type { ServiceFigures } from './service-process.ts'
import type { Size } from './size.ts'
import { forEach, until } from './until.ts'

/** What a load runs against. */
export interface Parties {
  engine: EngineProcess
  service: ServiceProcess
  size: Size
  report: (line: string) => void
}

/** The state in which memory is read: what this process holds when it has had its rest. */
export interface Held extends ServiceFigures {
  resident: number
  /** To the engine. */
  connections: number
}

/** Brings all of the load to its end, lets the service rest, and reads what it holds. `load` makes its names its own. */
export async function loadOnce(parties: Parties, load: string): Promise<Held> {
  const { service, size } = parties
  // Apart, because a call that waits for news of its machine would keep the others waiting.
  const [caller, other] = [new Caller(service, size.atOnce), new Caller(service, size.atOnce)]
  try {
    await Promise.all([pollAll(parties, caller), hangAll(parties, other, load)])
    await updateAll(parties, caller, load)
  } finally {
    caller.close()
    other.close()
  }
  return rest(parties)
}

// Polls of machines that are under way, as Cluster API makes them: what was requested is requested again.
async function pollAll({ size, report }: Parties, caller: Caller): Promise<void> {
  const bodies = waitingNames(size.waiting).map(updateMachine)
  const progress = countdown('polls', size.polls, report)
  await forEach(Array(size.polls).keys(), size.atOnce, async (i) => {
    const { message, retryAfterSeconds } = await caller.update(bodies[i % bodies.length] ?? '')
    if (retryAfterSeconds <= 0) throw new Error(`a machine that waits was reported as done: ${message}`)
    progress()
  })
}

// Every machine has one call that hangs, of which its upgrade has to recover: after it, the machine is gone.
async function hangAll({ engine, size, report }: Parties, caller: Caller, load: string): Promise<void> {
  const names = hungNames(load, size.hungCalls)
  const before = (await engine.figures()).hung
  const bodies = names.map((name) =>
    JSON.stringify({ providerID: `docker:////${name}`, clusterName: clusterOf(name), version: target }),
  )
  await forEach(bodies, size.atOnce, async (body) => {
    const { status, body: answer } = await caller.call('POST', '/v1/start', body)
    if (status !== 202) throw new Error(`start: ${status} ${answer}`)
  })
  const hasHung = async () => (await engine.figures()).hung === before + names.length
  await until('every call that is to hang has hung', hasHung, size.limitSeconds)
  const progress = countdown('hung calls', names.length, report)
  await forEach(bodies, size.atOnce, async (body) => {
    await until('an upgrade with a hung call ends', () => hasFailed(caller, body), size.limitSeconds)
    progress()
  })
}

async function hasFailed(caller: Caller, body: string): Promise<boolean> {
  const { status, body: answer } = await caller.call('POST', '/v1/sync', body)
  if (status === 404) return true
  const { phase } = JSON.parse(answer)
  if (phase === 'Done') throw new Error(`an upgrade with a hung call is done: ${answer}`)
  return phase === 'Failed'
}

async function updateAll({ size, report }: Parties, caller: Caller, load: string): Promise<void> {
  const progress = countdown('machines', size.machines, report)
  const keepWaiting = setInterval(() => {
    for (const name of waitingNames(size.waiting)) caller.update(updateMachine(name)).catch(() => {})
  }, 30_000)
  try {
    await forEach(machineNames(load, size.machines), size.atOnce, async (name) => {
      const body = updateMachine(name)
      const end = performance.now() + size.limitSeconds * 1000
      for (;;) {
        const { message, retryAfterSeconds } = await caller.update(body)
        if (retryAfterSeconds === 0) break
        if (performance.now() > end) throw new Error(`${name} is not done after ${size.limitSeconds} s: ${message}`)
        await wait(retryAfterSeconds * 1000)
      }
      progress()
    })
  } finally {
    clearInterval(keepWaiting)
  }
}

// Nothing is under way but the machines that wait, no call to the engine is open, and what has ended was forgotten.
async function rest(parties: Parties): Promise<Held> {
  const { service, size, report } = parties
  report(`rest, ${size.restSeconds} s`)
  if (size.isRestSkipped) await service.skip(size.restSeconds)
  else await wait(size.restSeconds * 1000)
  const caller = new Caller(service, 1)
  try {
    const isQuiet = async () => {
      // Requests make the service forget, and a machine that is not requested any more is given up.
      for (const name of waitingNames(size.waiting)) await caller.update(updateMachine(name))
      const { body } = await caller.call('GET', '/metrics')
      return Number(/^capd_kubeadm_upgrader_upgrades_in_flight (\d+)$/m.exec(body)?.[1]) === size.waiting
    }
    await until('only the machines that wait are under way', isQuiet, size.limitSeconds)
  } finally {
    caller.close()
  }
  const connections = await connectionsAfterRest(parties)
  return { ...(await service.figures()), resident: service.resident(), connections }
}

// Those of calls that have ended close after a while; what does not close within a minute has been lost.
async function connectionsAfterRest({ engine, size }: Parties): Promise<number> {
  const open = async () => (await engine.figures()).connections
  return retryUntil(open, (connections) => connections <= size.waiting, { limitSeconds: 60 })
}

// Reports each tenth.
function countdown(what: string, total: number, report: (line: string) => void): () => void {
  const start = performance.now()
  let done = 0
  return () => {
    done++
    if (done % Math.ceil(total / 10) !== 0 && done !== total) return
    const seconds = Math.round((performance.now() - start) / 1000)
    report(`${what}: ${done} of ${total}, ${seconds} s`)
  }
}
