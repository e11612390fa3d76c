import type { Observation } from '../machine/observation.ts'
import { type AttemptRecord, type Failure, pauseAfter, secondsSince } from './attempt.ts'

/** A request that was not repeated for this many seconds counts as dropped. The record notes requests once a minute. */
export const droppedAfterSeconds = 150

/** What a request may do, given the attempt in the record of the machine. */
export type Stance =
  /** Continue the attempt of this request. */
  | { kind: 'own'; record: AttemptRecord }
  /** Begin an attempt, since none is open. */
  | { kind: 'begin' }
  /** Wait for the backoff after a failure of this request. */
  | { kind: 'paused'; failure: Failure; seconds: number }
  /** Replace the attempt of another request, which has changed nothing yet. */
  | { kind: 'replace' }
  /** First finish the attempt of another request, which has changed the machine. */
  | { kind: 'finish'; record: AttemptRecord }
  /** Wait, because a newer request has replaced this one and is still made. */
  | { kind: 'superseded'; record: AttemptRecord }

/** Decides what a request may do. The decision depends only on the record, so all replicas agree. */
export function stanceOf(key: string, record: AttemptRecord | undefined, now: Observation): Stance {
  if (!record) return { kind: 'begin' }
  const isSame = record.request.key === key
  if (record.state === 'open') return isSame ? { kind: 'own', record } : stanceToOther(key, record, now)
  // Otherwise the older of two requests would get a turn after each failure of the newer one.
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
