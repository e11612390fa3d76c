import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ErrorCode } from '../errors/catalogue.ts'
import { rememberedError, UpgradeError } from '../errors/upgrade-error.ts'
import type { Observation } from '../machine/observation.ts'

/** A moment in a machine, as seconds since a boot of its kernel. Changes of the clock do not move it. */
const Moment = Type.Object({ bootId: Type.String(), uptime: Type.Number() })

const Failure = Type.Object({
  code: Type.String(),
  values: Type.Record(Type.String(), Type.String()),
  step: Type.String(),
  at: Moment,
  /** The number of consecutive failures with this code in this step, including this one. */
  count: Type.Integer({ minimum: 1 }),
})

const Event = Type.Object({
  /** Seconds since 1970 by the machine's clock, for people. No decision depends on it. */
  at: Type.Number(),
  step: Type.String(),
  event: Type.String(),
  /** The number of consecutive equal events. */
  count: Type.Integer({ minimum: 1 }),
})

/**
 * The record of the current or last upgrade of a machine. A machine has one record, for every version and
 * replica. It is one line of JSON in attempt.json, which only change.sh writes.
 */
const AttemptRecord = Type.Object({
  format: Type.Literal(1),
  /** Increases with each change of the machine, so that no two records are equal and compare-and-swap works. */
  revision: Type.Integer({ minimum: 0 }),
  /** The owner of the machine. `pinned`: a request has named the cluster's CA, so requests without it are refused. */
  identity: Type.Object({
    cluster: Type.String(),
    role: Type.String(),
    cas: Type.Array(Type.String()),
    pinned: Type.Boolean(),
  }),
  /**
   * What is needed to finish the attempt without its request. Files are missing: they were written before the first
   * other change.
   */
  request: Type.Object({
    key: Type.String(),
    target: Type.String(),
    settings: Type.Record(Type.String(), Type.String()),
    patches: Type.Optional(Type.String()),
  }),
  /** Keys of the requests that this request has replaced, newest last. */
  superseded: Type.Array(Type.String(), { maxItems: 8 }),
  /** When it was last requested, updated about once a minute. */
  requested: Moment,
  state: Type.Union([Type.Literal('open'), Type.Literal('done'), Type.Literal('failed'), Type.Literal('withdrawn')]),
  /** True once anything outside of our own directory and the image store was changed. */
  changed: Type.Boolean(),
  step: Type.Union([Type.Object({ name: Type.String(), since: Moment }), Type.Null()]),
  failure: Type.Union([Failure, Type.Null()]),
  /** How often each retried error ended a unit in this attempt, by code. */
  retries: Type.Record(Type.String(), Type.Integer()),
  /** How often each injected fault has happened for this request, by name. */
  faults: Type.Record(Type.String(), Type.Integer()),
  events: Type.Array(Event, { maxItems: 60 }),
})

/** A moment in a machine, as seconds since a boot of its kernel. */
export type Moment = Static<typeof Moment>
/** The record of the current or last upgrade of a machine. */
export type AttemptRecord = Static<typeof AttemptRecord>
/** The failure in a record. */
export type Failure = Static<typeof Failure>

const checked = Compile(AttemptRecord)
const later = Compile(Type.Object({ format: Type.Integer({ minimum: 2 }) }))
// A valid record is smaller. It is passed as an argument, which Linux limits to 128 KiB.
const longestRecord = 100_000
const keptEvents = 60
const keptSuperseded = 8

/** The parts of a record that are given when an attempt begins. */
export interface Beginning {
  identity: AttemptRecord['identity']
  request: AttemptRecord['request']
}

/**
 * Parses the record in an observation. Returns undefined where there is none or it is invalid. Throws RECORD_NEWER
 * where a newer version of this service has written it, since overwriting it would end that upgrade.
 */
export function recordIn({ record }: Pick<Observation, 'record'>): AttemptRecord | undefined {
  if (record.length > longestRecord) return undefined
  const value = parsed(record)
  if (checked.Check(value)) return value
  if (later.Check(value)) throw new UpgradeError('RECORD_NEWER')
  return undefined
}

function parsed(record: string): unknown {
  try {
    return JSON.parse(record)
  } catch {
    return undefined
  }
}

/** Serializes a record as one line of JSON. */
export function lineOf(record: AttemptRecord): string {
  return JSON.stringify(record)
}

/** The record with the next revision. */
export function revised(record: AttemptRecord): AttemptRecord {
  return { ...record, revision: record.revision + 1 }
}

/** The moment of an observation. */
export function momentOf({ bootId, uptime }: Observation): Moment {
  return { bootId, uptime }
}

/** The seconds since a moment; infinite where the host has booted since, or the moment is in the future. */
export function secondsSince(moment: Moment, now: Observation): number {
  const seconds = now.uptime - moment.uptime
  return moment.bootId === now.bootId && seconds >= 0 ? seconds : Number.POSITIVE_INFINITY
}

/** The first record of a new attempt, which replaces the record `before`. */
export function begun(beginning: Beginning, before: AttemptRecord | undefined, now: Observation): AttemptRecord {
  const isSame = before?.request.key === beginning.request.key
  const isReplaced = before?.state === 'open' && !isSame
  // A request also supersedes one that is done or has failed.
  const isNewer = before !== undefined && !isSame && before.state !== 'withdrawn'
  const superseded = isNewer ? [...before.superseded, before.request.key] : isSame ? before.superseded : []
  return withEvent(
    {
      format: 1,
      revision: before?.revision ?? 0,
      ...beginning,
      superseded: superseded.filter((key) => key !== beginning.request.key).slice(-keptSuperseded),
      requested: momentOf(now),
      state: 'open',
      changed: false,
      step: null,
      failure: isSame ? before.failure : null,
      retries: {},
      faults: isSame ? before.faults : {},
      events: before?.events ?? [],
    },
    now,
    `${isReplaced ? 'replaced an attempt' : 'begun'}, to ${beginning.request.target}`,
  )
}

/** The record when a step starts. */
export function entered(record: AttemptRecord, step: string, now: Observation): AttemptRecord {
  return withEvent({ ...record, step: { name: step, since: momentOf(now) } }, now, 'started')
}

/** The record after an error that is retried. */
export function retried(record: AttemptRecord, error: UpgradeError, now: Observation): AttemptRecord {
  const times = (record.retries[error.code] ?? 0) + 1
  return withEvent({ ...record, retries: { ...record.retries, [error.code]: times } }, now, `retried: ${error.code}`)
}

/** The record after a failure, which ends the attempt. */
export function failed(record: AttemptRecord, error: UpgradeError, now: Observation): AttemptRecord {
  const { code, values } = error
  const step = record.step?.name ?? ''
  // Values are not compared: they can contain a line of a log with a time in it.
  const isEqual = record.failure?.code === code && record.failure.step === step
  const count = isEqual ? (record.failure?.count ?? 0) + 1 : 1
  const failure = { code, values, step, at: momentOf(now), count }
  return withEvent({ ...record, state: 'failed', failure }, now, `failed: ${code}`)
}

/** The record of an attempt that has reached its target. */
export function finished(record: AttemptRecord, now: Observation): AttemptRecord {
  return withEvent({ ...record, state: 'done', step: null, failure: null, retries: {} }, now, 'done')
}

/** The record of an attempt that has changed nothing and is no longer requested. */
export function withdrawn(record: AttemptRecord, now: Observation): AttemptRecord {
  return withEvent({ ...record, state: 'withdrawn', step: null }, now, 'withdrawn')
}

/** The error of the last attempt. An unknown code, from another version of this service, becomes UNEXPECTED. */
export function rememberedFailure({ code, values }: Failure): UpgradeError {
  return rememberedError(code, values)
}

// Failures after which the same attempt would end in the same way, and would disturb the machine once more: what it
// tried did not become healthy, and everything from before was restored.
const lastingFailures: ReadonlySet<string> = new Set<ErrorCode>(['EXCHANGE_UNDONE'])

/**
 * The backoff after a failed attempt of the same request, in seconds: 10, then 20, and an hour from the third equal
 * failure on. It is an hour at once where the attempt was undone as a whole. It is computed from the record, so all
 * replicas use the same one.
 */
export function pauseAfter({ code, count }: Pick<Failure, 'code' | 'count'>): number {
  return count >= 3 || lastingFailures.has(code) ? 3600 : 10 * 2 ** (count - 1)
}

// Adds an event. Consecutive equal events are counted, and only the newest events are kept.
function withEvent(record: AttemptRecord, now: Observation, event: string): AttemptRecord {
  const step = record.step?.name ?? ''
  const last = record.events.at(-1)
  const isRepeated = last?.step === step && last.event === event
  const rest = isRepeated ? record.events.slice(0, -1) : record.events
  const count = isRepeated ? last.count + 1 : 1
  return { ...record, events: [...rest, { at: now.now, step, event, count }].slice(-keptEvents) }
}
