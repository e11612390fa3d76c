import type { Observation } from '../machine/observation.ts'
import { type AttemptRecord, momentOf, secondsSince } from './attempt.ts'
import type { Clock } from './clock.ts'
import { droppedAfterSeconds } from './stance.ts'

/** When this request was last made to this process, in seconds before now. */
export type SinceRequested = () => number

// A request that this process has not had for so long is dropped here. Another replica may still have it.
const abandonedAfterSeconds = 300
// Callers repeat a request every minute or so. One of longer ago may have been taken back.
const beginSeconds = 90
// How old the note in the record may become while the request is made.
const noteSeconds = 60

/** Whether a request is still made, to this process or, by the machine's record, to another one. */
export class Demand {
  readonly #key: string
  readonly #sinceRequested: SinceRequested
  readonly #clock: Pick<Clock, 'monotonic'>
  // In monotonic milliseconds.
  #placedAt = Number.NEGATIVE_INFINITY

  /** `key` names the request in records. */
  constructor(key: string, sinceRequested: SinceRequested, clock: Pick<Clock, 'monotonic'>) {
    this.#key = key
    this.#clock = clock
    this.#sinceRequested = sinceRequested
  }

  /** True when the open attempt in the record is this request's. */
  owns(record: AttemptRecord | undefined): record is AttemptRecord {
    return record?.state === 'open' && record.request.key === this.#key
  }

  /** True when this process has nothing more to do for it: an attempt that has changed the machine is seen to its end. */
  isAbandoned(record: AttemptRecord | undefined): boolean {
    if (this.#sinceRequested() < abandonedAfterSeconds) return false
    return !(this.owns(record) && record.changed)
  }

  /**
   * True when this process may begin an attempt for it: it was requested a moment ago and, where another request came
   * after it, again since its last place was found. It does not come back by itself when the other one has ended.
   */
  mayBegin(record: AttemptRecord | undefined): boolean {
    const isReplaced = record !== undefined && record.request.key !== this.#key
    const sincePlaced = (this.#clock.monotonic() - this.#placedAt) / 1000
    return this.#sinceRequested() <= Math.min(beginSeconds, isReplaced ? sincePlaced : beginSeconds)
  }

  /** A look has found the request's own attempt under way, or the newer one that has replaced it. */
  hasPlace(): void {
    this.#placedAt = this.#clock.monotonic()
  }

  /** True when no replica has been asked for its open attempt for a while. */
  isDroppedByAll(record: AttemptRecord | undefined, now: Observation): record is AttemptRecord {
    return this.owns(record) && secondsSince(record.requested, now) > droppedAfterSeconds
  }

  /** True when the record should have a newer note of this request. */
  isNoteDue(record: AttemptRecord, now: Observation): boolean {
    return this.#isNotable(record) && secondsSince(record.requested, now) > noteSeconds
  }

  /** The record with a note that the request is made at this moment, if it is. */
  noted(record: AttemptRecord, now: Observation): AttemptRecord {
    return this.#isNotable(record) ? { ...record, requested: momentOf(now) } : record
  }

  #isNotable(record: AttemptRecord): boolean {
    return record.request.key === this.#key && this.#sinceRequested() <= noteSeconds
  }
}
