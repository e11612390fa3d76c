import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Observation } from '../machine/observation.ts'
import { type AttemptRecord, secondsSince } from './attempt.ts'
import { type Step, unitOf } from './step.ts'

type Limited = Pick<Step, 'name' | 'limitSeconds'>

// A process observes a step for at least this long before it applies the time limit: the process may have been
// suspended.
const watchSeconds = 60
// The unit of a step reaches its own limit first.
const unitGraceSeconds = 30
// More retries would not help.
const mostRetriesOf: Record<string, number> = { CHECKSUM_WRONG: 3 }
// While the unit of a step goes on, later steps change the machine, so a newer request waits for the end of this attempt.
const mostRetriesMeanwhile = 10

/**
 * True when the time limit of a step has passed. The machine's time counts, which all replicas share. A process that was
 * suspended first observes the step for a while. `watched`: the seconds since this process first ran the step.
 */
export function isPastLimit(
  step: Limited,
  watched: number,
  observed: { record: AttemptRecord | undefined; observation: Observation },
): boolean {
  const { record, observation } = observed
  const isRunning = unitOf(step, observation)?.state === 'running'
  const limit = step.limitSeconds + (isRunning ? unitGraceSeconds : 0)
  const entry = record?.step
  const since = entry?.name === step.name ? secondsSince(entry.since, observation) : watched
  const elapsed = Number.isFinite(since) ? since : watched
  return elapsed >= limit && watched >= Math.min(limit, watchSeconds)
}

/** The error of a step whose time limit has passed while it waited for `waitsFor`. */
export function pastLimit({ name, limitSeconds }: Limited, waitsFor: string): UpgradeError {
  return new UpgradeError('STEP_TIME_LIMIT', { step: name, minutes: String(Math.ceil(limitSeconds / 60)), waitsFor })
}

/** How often the unit of a step may fail with this error until the attempt fails. */
export function mostRetries({ goesOn }: Pick<Step, 'goesOn'>, code: string): number {
  return mostRetriesOf[code] ?? (goesOn ? mostRetriesMeanwhile : Number.POSITIVE_INFINITY)
}
