import { createHash } from 'node:crypto'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Clock } from './clock.ts'
import type { Progress } from './progress.ts'
import { simulation } from './simulation.ts'
import type { Task } from './task.ts'
import type { Tools } from './tools.ts'
import { Walk } from './walk.ts'
import type { Walker } from './walker.ts'

/**
 * The requests that this process works on: what the hook, start and sync share. It is a view, not a store: what it
 * forgets is found again by looking at the machine.
 */
export interface Upgrades {
  /** Makes sure that the request is worked on; returns at once. Throws TOO_MANY_UPGRADES. */
  start(task: Task): void
  /** How far it is, waiting a moment for the first news of one that has just begun. Throws NOT_STARTED. */
  sync(task: Task): Promise<Progress>
}

interface Entry {
  walk: Omit<Walker, 'toEnd'>
  isSimulated: boolean
  ended: Promise<void>
  /** In monotonic milliseconds, as are all times here. */
  endedAt: number | undefined
  requestedAt: number
  isDelivered: boolean
}

// How long a call waits for the first news of a machine. A look takes under a second; on a slow engine more, and an
// answer without news would be followed by another one a moment later.
const patienceSeconds = 4
// A result that nobody fetched for this long may not be true any more.
const staleMs = 60_000
// What has ended is forgotten when nobody has asked for it for this long.
const forgetMs = 120_000
/** More requests than this are not worked on at the same time by one process. Those that have ended give way. */
export const mostEntries = 5000

export function createUpgrades(tools: Tools): Upgrades {
  const entries = new Map<string, Entry>()
  const { clock } = tools

  function forgetOld(): void {
    const now = clock.monotonic()
    for (const [key, { endedAt, requestedAt }] of entries) {
      if (endedAt !== undefined && now - Math.max(endedAt, requestedAt) > forgetMs) entries.delete(key)
    }
  }

  // An end that is forgotten early is found again by looking at the machine.
  function makeRoom(): void {
    if (entries.size < mostEntries) return
    let oldest: string | undefined
    let oldestAt = Number.POSITIVE_INFINITY
    for (const [key, { endedAt, requestedAt }] of entries) {
      if (endedAt === undefined || requestedAt >= oldestAt) continue
      oldest = key
      oldestAt = requestedAt
    }
    if (oldest === undefined) throw new UpgradeError('TOO_MANY_UPGRADES')
    entries.delete(oldest)
  }

  let inFlight = 0
  function count(change: 1 | -1): void {
    inFlight += change
    tools.report?.upgradesInFlight(inFlight)
  }

  // An end that still holds is reported again without another look at the machine.
  function stands({ walk, isSimulated, endedAt, isDelivered }: Entry): boolean {
    if (endedAt === undefined || isSimulated) return true
    const age = clock.monotonic() - endedAt
    if (walk.progress.phase === 'Failed') return age < walk.restSeconds * 1000
    return walk.progress.phase === 'Done' && !isDelivered && age < staleMs
  }

  return {
    start(task) {
      forgetOld()
      const key = identityOf(task)
      const found = entries.get(key)
      if (found) found.requestedAt = clock.monotonic()
      if (found && stands(found)) return found.walk.update(task)
      if (!found) makeRoom()
      entries.set(
        key,
        begin(task, tools, found?.walk.progress, () => count(-1)),
      )
      count(1)
    },
    async sync(task) {
      const entry = entries.get(identityOf(task))
      if (!entry) throw new UpgradeError('NOT_STARTED', { machine: task.container, version: task.version })
      entry.requestedAt = clock.monotonic()
      await firstNews(entry, clock)
      entry.isDelivered = entry.endedAt !== undefined
      return entry.walk.progress
    },
  }
}

// One name for everything that a request says but its settings. Requests that differ in whose machine it is, or in what
// it is to become, are worked on apart: the machine's own record decides between them.
function identityOf({ container, cluster, role, caCertHashes = [], key }: Task): string {
  const pins = [...caCertHashes].sort()
  return createHash('sha256')
    .update(JSON.stringify([container, cluster, role, pins, key]))
    .digest('hex')
}

function begin(task: Task, tools: Tools, before: Progress | undefined, onEnd: () => void): Entry {
  const log = tools.log.child({ machine: task.container, target: task.version })
  const sinceRequested = () => (tools.clock.monotonic() - entry.requestedAt) / 1000
  const kept = before?.phase === 'Failed' ? before : undefined
  const walk: Walker = task.simulated
    ? simulation(task, { ...tools, log })
    : new Walk(task, { ...tools, log }, sinceRequested, kept)
  const entry: Entry = {
    walk,
    isSimulated: task.simulated,
    ended: walk.toEnd(),
    endedAt: undefined,
    requestedAt: tools.clock.monotonic(),
    isDelivered: false,
  }
  entry.ended = entry.ended.then(() => {
    entry.endedAt = tools.clock.monotonic()
    entry.walk = resultOf(walk)
    onEnd()
  })
  return entry
}

// What stays of a walk: a task can hold the contents of many files. A function that is made where the walk is known
// would hold the walk as well, whether it uses it or not.
function resultOf({ progress, restSeconds, news }: Walker): Entry['walk'] {
  return { progress, restSeconds, news, update: ignore }
}

function ignore(): void {}

async function firstNews({ walk }: Entry, clock: Clock): Promise<void> {
  const enough = new AbortController()
  const patience = clock.sleep(patienceSeconds, enough.signal).catch(() => {})
  await Promise.race([walk.news, patience])
  enough.abort()
}
