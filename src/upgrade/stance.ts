import type { Observation } from '../machine/observation.ts'
import { type AttemptRecord, type Failure, pauseAfter, secondsSince } from './attempt.ts'

/** A request that is not made again for so many seconds counts as dropped. It is noted once a minute. */
export const droppedAfterSeconds = 150

/** How a request stands to the attempt that the machine remembers. */
export type Stance =
  /** The attempt is this request's: go on with it. */
  | { kind: 'own'; record: AttemptRecord }
  /** No attempt is under way: begin one. */
  | { kind: 'begin' }
  /** This request failed a moment ago and rests for so many seconds more. */
  | { kind: 'paused'; failure: Failure; seconds: number }
  /** Another request's attempt has changed nothing yet and gives way to this newer one. */
  | { kind: 'replace' }
  /** Another request's attempt has changed the machine: it comes to its end first. */
  | { kind: 'finish'; record: AttemptRecord }
  /** A newer request has replaced this one and is still made. */
  | { kind: 'superseded'; record: AttemptRecord }

/** Decides what a request may do, by the record alone; so all replicas decide alike. */
export function stanceOf(key: string, record: AttemptRecord | undefined, now: Observation): Stance {
  if (!record) return { kind: 'begin' }
  const isSame = record.request.key === key
  if (record.state === 'open') return isSame ? { kind: 'own', record } : stanceToOther(key, record, now)
  // The older of two requests does not take its turn each time that the newer one has failed.
  if (record.state === 'failed' && isSuperseded(key, record, now)) return { kind: 'superseded', record }
  if (record.state === 'failed' && isSame && record.failure) {
    const seconds = pauseAfter(record.failure) - secondsSince(record.failure.at, now)
    if (seconds > 0) return { kind: 'paused', failure: record.failure, seconds }
  }
  return { kind: 'begin' }
}

function stanceToOther(key: string, record: AttemptRecord, now: Observation): Stance {
  if (isSuperseded(key, record, now)) return { kind: 'superseded', record }
  return record.changed ? { kind: 'finish', record } : { kind: 'replace' }
}

function isSuperseded(key: string, record: AttemptRecord, now: Observation): boolean {
  return record.superseded.includes(key) && secondsSince(record.requested, now) < droppedAfterSeconds
}
