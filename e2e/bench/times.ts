import type { MachineTime, Span } from '../../scripts/docs/performance/results.ts'
import type { TimelineEntry } from '../management/timeline.ts'
import type { Role } from '../witness/role.ts'

type RoleOf = (machine: string) => Role

/** The time of each machine's in-place update by its conditions: from the first one that shows the update until UpToDate. */
export function inPlaceTimes(entries: readonly TimelineEntry[], roleOf: RoleOf): MachineTime[] {
  return perMachine(entries).flatMap(([machine, its]) => {
    const begin = its.find(isUpdating)
    const end = its.find((entry) => begin && entry.at > begin.at && isTrue(entry, 'UpToDate'))
    return begin && end ? [{ machine, role: roleOf(machine), begin: begin.at, end: end.at }] : []
  })
}

/**
 * The time of each replacement, by the name of the new machine: from the deletion of an old machine until the new one is Ready.
 * The first new machine replaces the first deleted one of its role, and so on.
 */
export function replacementTimes(entries: readonly TimelineEntry[], roleOf: RoleOf): MachineTime[] {
  const all = perMachine(entries)
  const gone = all.flatMap(([machine, its]) => {
    const first = its.find((entry) => isTrue(entry, 'Deleting') || isPhase(entry, 'Deleting'))
    return first ? [{ machine, at: first.at }] : []
  })
  const firstGone = Math.min(...gone.map(({ at }) => at))
  const isGone = (machine: string) => gone.some((old) => old.machine === machine)
  const added = all.filter(([machine, [first]]) => first && first.at >= firstGone && !isGone(machine))
  return (['control-plane', 'worker'] as const).flatMap((role) => {
    const old = gone.filter(({ machine }) => roleOf(machine) === role).toSorted((a, b) => a.at - b.at)
    const fresh = added.filter(([machine]) => roleOf(machine) === role)
    return fresh.flatMap(([machine, its], i): MachineTime[] => {
      const ready = its.find((entry) => isTrue(entry, 'Ready'))
      const begin = old[i]?.at
      return ready && begin !== undefined ? [{ machine, role, begin, end: ready.at }] : []
    })
  })
}

/** The steps of each machine's update with their times, from the condition Updating. */
export function spansOf(entries: readonly TimelineEntry[], times: readonly MachineTime[]): Span[] {
  const all = new Map(perMachine(entries))
  return times.flatMap(({ machine, begin, end }) => {
    const spans: Span[] = [{ machine, step: 'waiting for the first answer', begin, end }]
    for (const { at, condition, message } of all.get(machine) ?? []) {
      const step = /step \d+ of \d+, ([^:]+)/.exec(message)?.[1]
      const last = spans.at(-1)
      if (condition !== 'Updating' || step === undefined || !last || last.step === step) continue
      last.end = at
      spans.push({ machine, step, begin: at, end })
    }
    return spans
  })
}

// Groups entries by machine, in the order of their first entries.
function perMachine(entries: readonly TimelineEntry[]): [string, TimelineEntry[]][] {
  const found = new Map<string, TimelineEntry[]>()
  for (const entry of entries) {
    if (entry.machine === '') continue
    const its = found.get(entry.machine) ?? []
    its.push(entry)
    found.set(entry.machine, its)
  }
  return [...found]
}

function isUpdating({ condition, message }: TimelineEntry): boolean {
  return condition === 'UpToDate' ? message.startsWith('False Updating') : isTrue({ condition, message }, 'Updating')
}

function isTrue({ condition, message }: Pick<TimelineEntry, 'condition' | 'message'>, type: string): boolean {
  return condition === type && /^True( |$)/.test(message)
}

function isPhase({ condition, message }: TimelineEntry, phase: string): boolean {
  return condition === 'phase' && message.startsWith(phase)
}
