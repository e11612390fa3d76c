import { setTimeout as sleep } from 'node:timers/promises'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Progress } from './progress.ts'
import { type Means, Run } from './run.ts'
import { simulation } from './simulation.ts'
import type { Task } from './task.ts'

// The upgrades under way in this process: what the hook, start and sync share. It is a view, not a store: what
// it forgets is found again by looking at the machine.
export interface Upgrades {
  // Makes sure that the upgrade is under way; answers at once. Throws OTHER_UPGRADE.
  start(task: Task): void
  // How far it is, waiting a moment for the first news of one that has just begun. Throws NOT_STARTED.
  sync(task: Task): Promise<Progress>
}

interface Entry {
  run: Pick<Run, 'progress' | 'toEnd'>
  task: Task
  ended: Promise<void>
  endedAt: number | undefined
  delivered: boolean
}

// Handlers answer within a second whatever the machine does.
const patienceMs = 700
// An end that nobody fetched for this long may not be true any more.
const staleMs = 60_000

export function createUpgrades(means: Means): Upgrades {
  const entries = new Map<string, Entry>()
  return {
    start(task) {
      const found = entries.get(subjectOf(task))
      if (found && found.endedAt === undefined) {
        if (found.task.key === task.key) return
        throw new UpgradeError('OTHER_UPGRADE', { machine: task.container, version: found.task.version })
      }
      const isFresh = found?.endedAt !== undefined && Date.now() - found.endedAt < staleMs
      // What was simulated stays done: there is no machine to look at.
      if (found?.task.key === task.key && (task.simulated || (!found.delivered && isFresh))) return
      entries.set(subjectOf(task), begin(task, means))
    },
    async sync(task) {
      const entry = entries.get(subjectOf(task))
      if (entry?.task.key !== task.key) {
        throw new UpgradeError('NOT_STARTED', { machine: task.container, version: task.version })
      }
      if (entry.run.progress.step === '') await Promise.race([entry.ended, sleep(patienceMs)])
      entry.delivered = entry.endedAt !== undefined
      return entry.run.progress
    },
  }
}

// Which machine a task is about, with all that its container is checked against: a request that names another cluster
// or role is never answered with what was found out for this one.
function subjectOf({ container, cluster, role, caCertHashes }: Task): string {
  return JSON.stringify([container, cluster, role, caCertHashes])
}

function begin(task: Task, means: Means): Entry {
  const log = means.log.child({ machine: task.container, target: task.version })
  const run = task.simulated ? simulation(task, { ...means, log }) : new Run(task, { ...means, log })
  const entry: Entry = { run, task, ended: run.toEnd(), endedAt: undefined, delivered: false }
  entry.ended = entry.ended.then(() => {
    entry.endedAt = Date.now()
  })
  return entry
}
