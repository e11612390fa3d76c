import { createHash } from 'node:crypto'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Clock } from './clock.ts'
import { MachineUpgrade } from './machine-upgrade.ts'
import type { Progress } from './progress.ts'
import { simulation } from './simulation.ts'
import type { Task } from './task.ts'
import type { Tools } from './tools.ts'
import type { Upgrade } from './upgrade.ts'

/**
 * The requests that this process works on, for the hook, start and sync. It is a view and not a store: everything in it
 * can be restored by observing the machine.
 */
export interface Upgrades {
  /** Starts to work on the request, unless it is being worked on. Returns at once. Throws TOO_MANY_UPGRADES. */
  start(task: Task): void
  /**
   * Returns the progress. Waits briefly for the first report of a request that was just started. Throws NOT_STARTED.
   */
  sync(task: Task): Promise<Progress>
}

interface TrackedUpgrade {
  upgrade: Omit<Upgrade, 'toEnd'>
  isSimulated: boolean
  ended: Promise<void>
  /** Monotonic milliseconds, as all times here. */
  endedAt: number | undefined
  requestedAt: number
  /** True when the end was returned by sync. */
  isDelivered: boolean
}

// How long a call waits for the first report. An observation usually takes less than a second. On a slow engine it
// takes longer, and a response without progress would only lead to another call soon.
const firstReportSeconds = 4
// A result that was not fetched for this long may be outdated.
const staleMs = 60_000
// An ended upgrade is forgotten when it was not requested for this long.
const forgetMs = 120_000
/** The most requests that one process tracks. Ended ones are removed to make room. */
export const mostEntries = 5000

/** Creates the list of requests, which is empty at first. */
export function createUpgrades(tools: Tools): Upgrades {
  const entries = new Map<string, TrackedUpgrade>()
  const { clock } = tools

  function forgetOld(): void {
    const now = clock.monotonic()
    for (const [key, { endedAt, requestedAt }] of entries) {
      if (endedAt !== undefined && now - Math.max(endedAt, requestedAt) > forgetMs) entries.delete(key)
    }
  }

  // Removes the ended upgrade that was not requested for the longest time. Its result can be observed again.
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

  // True when the progress can be reported without observing the machine again.
  function isCurrent({ upgrade, isSimulated, endedAt, isDelivered }: TrackedUpgrade): boolean {
    if (endedAt === undefined || isSimulated) return true
    const age = clock.monotonic() - endedAt
    if (upgrade.progress.phase === 'Failed') return age < upgrade.restSeconds * 1000
    return upgrade.progress.phase === 'Done' && !isDelivered && age < staleMs
  }

  return {
    start(task) {
      forgetOld()
      const key = identityOf(task)
      const found = entries.get(key)
      if (found) found.requestedAt = clock.monotonic()
      if (found && isCurrent(found)) return found.upgrade.update(task)
      if (!found) makeRoom()
      entries.set(
        key,
        begin(task, tools, found?.upgrade.progress, () => count(-1)),
      )
      count(1)
    },
    async sync(task) {
      const entry = entries.get(identityOf(task))
      if (!entry) throw new UpgradeError('NOT_STARTED', { machine: task.container, version: task.version })
      entry.requestedAt = clock.monotonic()
      await waitForFirstReport(entry, clock)
      entry.isDelivered = entry.endedAt !== undefined
      return entry.upgrade.progress
    },
  }
}

// Identifies a request by everything except its settings. Requests that differ in the owner or the goal of a machine
// are tracked separately, and the record in the machine decides between them.
function identityOf({ container, cluster, role, caCertHashes = [], key }: Task): string {
  const pins = [...caCertHashes].sort()
  return createHash('sha256')
    .update(JSON.stringify([container, cluster, role, pins, key]))
    .digest('hex')
}

function begin(task: Task, tools: Tools, before: Progress | undefined, onEnd: () => void): TrackedUpgrade {
  const log = tools.log.child({ machine: task.container, target: task.version })
  const sinceRequested = () => (tools.clock.monotonic() - entry.requestedAt) / 1000
  const kept = before?.phase === 'Failed' ? before : undefined
  const upgrade: Upgrade = task.simulated
    ? simulation(task, { ...tools, log })
    : new MachineUpgrade(task, { ...tools, log }, sinceRequested, kept)
  const entry: TrackedUpgrade = {
    upgrade,
    isSimulated: task.simulated,
    ended: upgrade.toEnd(),
    endedAt: undefined,
    requestedAt: tools.clock.monotonic(),
    isDelivered: false,
  }
  entry.ended = entry.ended.then(() => {
    entry.endedAt = tools.clock.monotonic()
    entry.upgrade = resultOf(upgrade)
    onEnd()
  })
  return entry
}

// What is kept of an ended upgrade, whose task can hold large files. `update` is a function of the module, because a
// closure made in `begin` would keep the upgrade in memory.
function resultOf({ progress, restSeconds, firstReport }: Upgrade): TrackedUpgrade['upgrade'] {
  return { progress, restSeconds, firstReport, update: ignore }
}

function ignore(): void {}

async function waitForFirstReport({ upgrade }: TrackedUpgrade, clock: Clock): Promise<void> {
  const reported = new AbortController()
  const limit = clock.sleep(firstReportSeconds, reported.signal).catch(() => {})
  await Promise.race([upgrade.firstReport, limit])
  reported.abort()
}
