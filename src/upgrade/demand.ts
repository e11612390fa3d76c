import type { Observation } from '../machine/observation.ts'
import { type AttemptRecord, momentOf, secondsSince } from './attempt.ts'
import type { Clock } from './clock.ts'
import { droppedAfterSeconds } from './stance.ts'

/** The seconds since this process last received the request. */
export type SinceRequested = () => number

// This process drops a request that it has not received for so long. Another replica may still receive it.
const abandonedAfterSeconds = 300
// Callers repeat a request about once a minute. An older request may have been withdrawn.
const beginSeconds = 90
// How often the record notes that the request is still made.
const noteSeconds = 60

/** Tracks whether a request is still made: to this process or, by the record in the machine, to another replica. */
export class Demand {
  readonly #key: string
  readonly #sinceRequested: SinceRequested
  readonly #clock: Pick<Clock, 'monotonic'>
  // Monotonic milliseconds. See `hasPlace`.
  #placedAt = Number.NEGATIVE_INFINITY

  /** `key` identifies the request in records. */
  constructor(key: string, sinceRequested: SinceRequested, clock: Pick<Clock, 'monotonic'>) {
    this.#key = key
    this.#clock = clock
    this.#sinceRequested = sinceRequested
  }

  /** True when the record has an open attempt of this request. */
  owns(record: AttemptRecord | undefined): record is AttemptRecord {
    return record?.state === 'open' && record.request.key === this.#key
  }

  /** True when this process drops the request. An attempt that has changed the machine is completed instead. */
  isAbandoned(record: AttemptRecord | undefined): boolean {
    if (this.#sinceRequested() < abandonedAfterSeconds) return false
    return !(this.owns(record) && record.changed)
  }

  /**
   * True when this process may begin an attempt. The request has to be recent. If another request has replaced it,
   * it must have been received since the last `hasPlace`. Otherwise it would return when the other one ends.
   */
  mayBegin(record: AttemptRecord | undefined): boolean {
    const isReplaced = record !== undefined && record.request.key !== this.#key
    const sincePlaced = (this.#clock.monotonic() - this.#placedAt) / 1000
    return this.#sinceRequested() <= Math.min(beginSeconds, isReplaced ? sincePlaced : beginSeconds)
  }

  /** Notes that an observation found an open attempt of the request, or of a newer request that has replaced it. */
  hasPlace(): void {
    this.#placedAt = this.#clock.monotonic()
  }

  /** True when no replica has received the request of its open attempt for a while. */
  isDroppedByAll(record: AttemptRecord | undefined, now: Observation): record is AttemptRecord {
    return this.owns(record) && secondsSince(record.requested, now) > droppedAfterSeconds
  }

  /** True when the record has to note that the request is still made. */
  isNoteDue(record: AttemptRecord, now: Observation): boolean {
    return this.#isNotable(record) && secondsSince(record.requested, now) > noteSeconds
  }

  /** The record with the current time as `requested`, if the request was made recently. */
  noted(record: AttemptRecord, now: Observation): AttemptRecord {
    return this.#isNotable(record) ? { ...record, requested: momentOf(now) } : record
  }

  #isNotable(record: AttemptRecord): boolean {
    return record.request.key === this.#key && this.#sinceRequested() <= noteSeconds
  }
}
