import type { MachineTime, Span } from '../../scripts/docs/performance/results.ts'
import type { Moment } from '../management/timeline.ts'
import type { Role } from '../witness/role.ts'

type RoleOf = (machine: string) => Role

/** Each machine's update in place, as its conditions have it: from the first sign of the update until it is UpToDate. */
export function inPlaceTimes(moments: readonly Moment[], roleOf: RoleOf): MachineTime[] {
  return perMachine(moments).flatMap(([machine, its]) => {
    const begin = its.find(isUpdating)
    const end = its.find((moment) => begin && moment.at > begin.at && isTrue(moment, 'UpToDate'))
    return begin && end ? [{ machine, role: roleOf(machine), begin: begin.at, end: end.at }] : []
  })
}

/**
 * Each replacement, under the name of the new machine: from the deletion of an old one until the new one is Ready. The first
 * machine that comes is taken to replace the first one of its role that goes, and so on.
 */
export function replacementTimes(moments: readonly Moment[], roleOf: RoleOf): MachineTime[] {
  const all = perMachine(moments)
  const gone = all.flatMap(([machine, its]) => {
    const first = its.find((moment) => isTrue(moment, 'Deleting') || isPhase(moment, 'Deleting'))
    return first ? [{ machine, at: first.at }] : []
  })
  const firstGone = Math.min(...gone.map(({ at }) => at))
  const isGone = (machine: string) => gone.some((old) => old.machine === machine)
  const come = all.filter(([machine, [first]]) => first && first.at >= firstGone && !isGone(machine))
  return (['control-plane', 'worker'] as const).flatMap((role) => {
    const old = gone.filter(({ machine }) => roleOf(machine) === role).toSorted((a, b) => a.at - b.at)
    const fresh = come.filter(([machine]) => roleOf(machine) === role)
    return fresh.flatMap(([machine, its], i): MachineTime[] => {
      const ready = its.find((moment) => isTrue(moment, 'Ready'))
      const begin = old[i]?.at
      return ready && begin !== undefined ? [{ machine, role, begin, end: ready.at }] : []
    })
  })
}

/** What each machine does from when to when, as its condition Updating names the steps. */
export function spansOf(moments: readonly Moment[], times: readonly MachineTime[]): Span[] {
  const all = new Map(perMachine(moments))
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

// In the order in which they first show up.
function perMachine(moments: readonly Moment[]): [string, Moment[]][] {
  const found = new Map<string, Moment[]>()
  for (const moment of moments) {
    if (moment.machine === '') continue
    const its = found.get(moment.machine) ?? []
    its.push(moment)
    found.set(moment.machine, its)
  }
  return [...found]
}

function isUpdating({ condition, message }: Moment): boolean {
  return condition === 'UpToDate' ? message.startsWith('False Updating') : isTrue({ condition, message }, 'Updating')
}

function isTrue({ condition, message }: Pick<Moment, 'condition' | 'message'>, type: string): boolean {
  return condition === type && /^True( |$)/.test(message)
}

function isPhase({ condition, message }: Moment, phase: string): boolean {
  return condition === 'phase' && message.startsWith(phase)
}
