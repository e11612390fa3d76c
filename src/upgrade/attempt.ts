import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { rememberedError, UpgradeError } from '../errors/upgrade-error.ts'
import type { Observation } from '../machine/observation.ts'

/** A moment in the machine: seconds since that boot of the kernel. Changes of the clock do not move it. */
const Moment = Type.Object({ bootId: Type.String(), uptime: Type.Number() })

const Failure = Type.Object({
  code: Type.String(),
  values: Type.Record(Type.String(), Type.String()),
  step: Type.String(),
  at: Moment,
  /** How many failures with this code in this step there were one after the other, this one included. */
  count: Type.Integer({ minimum: 1 }),
})

const Event = Type.Object({
  /** Seconds since 1970, by the machine's clock: for people only, nothing is decided by it. */
  at: Type.Number(),
  step: Type.String(),
  event: Type.String(),
  /** How often the same event came one after the other. */
  count: Type.Integer({ minimum: 1 }),
})

/**
 * What a machine remembers of the upgrade that it is in or was in last: one record, whatever the version or the
 * replica. It is one line of JSON in attempt.json, written by change.sh alone.
 */
const AttemptRecord = Type.Object({
  format: Type.Literal(1),
  /** Grows with each change of the machine, so that no two records are equal: whoever saw an older one has to look again. */
  revision: Type.Integer({ minimum: 0 }),
  /** Whose machine it is. `pinned`: a request that named the cluster's CA was seen, so one that does not is refused. */
  identity: Type.Object({
    cluster: Type.String(),
    role: Type.String(),
    cas: Type.Array(Type.String()),
    pinned: Type.Boolean(),
  }),
  /** What is needed to finish it without the request at hand. Files are not part of it: they come before kubeadm. */
  request: Type.Object({
    key: Type.String(),
    target: Type.String(),
    settings: Type.Record(Type.String(), Type.String()),
    patches: Type.Optional(Type.String()),
  }),
  /** Keys of the requests that this one has replaced, newest last. */
  superseded: Type.Array(Type.String(), { maxItems: 8 }),
  /** When it was last requested, noted about once a minute. */
  requested: Moment,
  state: Type.Union([Type.Literal('open'), Type.Literal('done'), Type.Literal('failed'), Type.Literal('withdrawn')]),
  /** True from the first change on that is more than to our own directory or the image store. */
  changed: Type.Boolean(),
  step: Type.Union([Type.Object({ name: Type.String(), since: Moment }), Type.Null()]),
  failure: Type.Union([Failure, Type.Null()]),
  /** How often each passing error ended a unit in this attempt, by code. */
  retries: Type.Record(Type.String(), Type.Integer()),
  /** How often each misbehaviour has happened for this request, by name. */
  faults: Type.Record(Type.String(), Type.Integer()),
  events: Type.Array(Event, { maxItems: 60 }),
})

export type Moment = Static<typeof Moment>
export type AttemptRecord = Static<typeof AttemptRecord>
export type Failure = Static<typeof Failure>

const checked = Compile(AttemptRecord)
const later = Compile(Type.Object({ format: Type.Integer({ minimum: 2 }) }))
// A record of ours is smaller. Linux takes no argument of 128 KiB, and the next record is one.
const longestRecord = 100_000
const keptEvents = 60
const keptSuperseded = 8

/** What a new attempt begins with. */
export interface Beginning {
  identity: AttemptRecord['identity']
  request: AttemptRecord['request']
}

/**
 * The record in the machine; undefined where there is none or it cannot be read, which counts as none. Throws
 * RECORD_NEWER where a later version of this service wrote it: to overwrite it would end that one's upgrade.
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

/** The line of JSON that change.sh writes. */
export function lineOf(record: AttemptRecord): string {
  return JSON.stringify(record)
}

/** The record for the next change of the machine. */
export function revised(record: AttemptRecord): AttemptRecord {
  return { ...record, revision: record.revision + 1 }
}

export function momentOf({ bootId, uptime }: Observation): Moment {
  return { bootId, uptime }
}

/** Seconds since the moment; infinite where the machine's host has booted since, or the moment is not in the past. */
export function secondsSince(moment: Moment, now: Observation): number {
  const seconds = now.uptime - moment.uptime
  return moment.bootId === now.bootId && seconds >= 0 ? seconds : Number.POSITIVE_INFINITY
}

/** The first record of an attempt, in place of `before`. */
export function begun(beginning: Beginning, before: AttemptRecord | undefined, now: Observation): AttemptRecord {
  const isSame = before?.request.key === beginning.request.key
  const isReplaced = before?.state === 'open' && !isSame
  // A request that comes after one that is done or has failed is newer, too.
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

/** The record when a step begins. */
export function entered(record: AttemptRecord, step: string, now: Observation): AttemptRecord {
  return withEvent({ ...record, step: { name: step, since: momentOf(now) } }, now, 'started')
}

/** The record after an error that may pass. */
export function retried(record: AttemptRecord, error: UpgradeError, now: Observation): AttemptRecord {
  const times = (record.retries[error.code] ?? 0) + 1
  return withEvent({ ...record, retries: { ...record.retries, [error.code]: times } }, now, `retried: ${error.code}`)
}

/** The record after a failure, which ends the attempt. */
export function failed(record: AttemptRecord, error: UpgradeError, now: Observation): AttemptRecord {
  const { code, values } = error
  const step = record.step?.name ?? ''
  // Values can hold a line of a log, which differs in its time.
  const isEqual = record.failure?.code === code && record.failure.step === step
  const count = isEqual ? (record.failure?.count ?? 0) + 1 : 1
  const failure = { code, values, step, at: momentOf(now), count }
  return withEvent({ ...record, state: 'failed', failure }, now, `failed: ${code}`)
}

/** The record at the end of an attempt that reached its target. */
export function finished(record: AttemptRecord, now: Observation): AttemptRecord {
  return withEvent({ ...record, state: 'done', step: null, failure: null, retries: {} }, now, 'done')
}

/** The record of an attempt that has changed nothing and is not requested any more. */
export function withdrawn(record: AttemptRecord, now: Observation): AttemptRecord {
  return withEvent({ ...record, state: 'withdrawn', step: null }, now, 'withdrawn')
}

/** The error that the last attempt failed with. An unknown code, from another version of this program, is UNEXPECTED. */
export function rememberedFailure({ code, values }: Failure): UpgradeError {
  return rememberedError(code, values)
}

/**
 * Seconds for which a failed attempt rests before the same request is tried again: 10, then 20, and an hour from the
 * third equal failure on. Every replica honours it, since it stands in the record.
 */
export function pauseAfter({ count }: Pick<Failure, 'count'>): number {
  return count >= 3 ? 3600 : 10 * 2 ** (count - 1)
}

// Equal events in a row are one with a count, and only the newest are kept.
function withEvent(record: AttemptRecord, now: Observation, event: string): AttemptRecord {
  const step = record.step?.name ?? ''
  const last = record.events.at(-1)
  const isRepeated = last?.step === step && last.event === event
  const rest = isRepeated ? record.events.slice(0, -1) : record.events
  const count = isRepeated ? last.count + 1 : 1
  return { ...record, events: [...rest, { at: now.now, step, event, count }].slice(-keptEvents) }
}
