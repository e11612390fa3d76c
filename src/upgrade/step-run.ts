import { coded, endOf, UpgradeError } from '../errors/upgrade-error.ts'
import type { Change } from '../machine/change.ts'
import { hasFullDisk, namesFullDisk } from '../machine/disk-full.ts'
import type { Unit } from '../machine/observation.ts'
import { type AttemptRecord, entered, failed, pauseAfter, retried, secondsSince } from './attempt.ts'
import { pauseAfterLook } from './look-pause.ts'
import { restAfterFailure } from './rest-after-failure.ts'
import { RecordMoved, type Session } from './session.ts'
import { type Action, hasInWork, type Needs, type Situation, type Step, unitNameOf } from './step.ts'
import { StepFailed } from './step-failed.ts'
import type { Tools } from './tools.ts'

/** What this process remembers of a step that is not done: it outlives the runs of the step. */
export interface Watch {
  /** When this process first met the step, in monotonic milliseconds. */
  since: number
  /** What kept the last action from working. It stays until one works, so that the message does not change. */
  trouble: UpgradeError | undefined
  /** True when it is the failure of a unit, which stays until the step is done. */
  isOfUnit: boolean
}

/** What a step runs in. */
export interface StepRunParts {
  session: Session
  /** Names the attempt in the record. */
  key: string
  situation: () => Situation
  /** Makes sure that what the step needs is known. */
  know(needs: Needs): Promise<void>
  tools: Pick<Tools, 'engine' | 'clock' | 'log' | 'report'>
  /** The step's number and what happens in it: the beginning of each message. */
  title: string
  watch: Watch
  tell(message: string): void
  /** Adds what else is to be noted with the next change. */
  beforeChange(record: AttemptRecord): AttemptRecord
  /** Called after each observation: throws RecordMoved where the attempt is not ours to go on with. */
  look(): Promise<void>
  /** Called each time the step goes on to wait: the machine could be observed and its record written. */
  goesOn(): void
}

/** What a step that is not done waits for, and the error that it waits to pass, if any. */
interface Unfinished {
  waitsFor: string
  error?: UpgradeError
}

// A process that has watched a step for less than this does not judge it by its time: it may have slept, or been away.
const watchSeconds = 60
// A unit ends by its own limit; only then the step does.
const unitGraceSeconds = 30
// A file that is wrong again and again will not get right.
const mostRetries: Record<string, number> = { CHECKSUM_WRONG: 3 }

/** Takes one step of an attempt to its end: looks, acts, and waits, until it is done or has failed. */
export class StepRun {
  readonly #step: Step
  readonly #parts: StepRunParts
  // True until the first look after an action whose effect is there when its call returns. A second one follows a pause.
  #isFirstCall = false
  #calls = 0

  constructor(step: Step, parts: StepRunParts) {
    this.#step = step
    this.#parts = parts
  }

  /** Returns when the step is done. Throws StepFailed, RecordMoved, and trouble of the engine or the observation. */
  async toEnd(): Promise<void> {
    const { session, tools, know, look, watch } = this.#parts
    for (;;) {
      await know(this.#step.needs)
      await look()
      // Nothing is read again unless a note was due.
      await know(this.#step.needs)
      const seen = await this.#look()
      if (seen === 'done') return this.#ended()
      const trouble = watch.trouble ?? seen.error
      this.#tell(trouble ? trouble.message : `waiting for ${seen.waitsFor}`)
      if (this.#isOver()) await this.#giveUp(seen)
      await this.#tryToAct()
      this.#parts.goesOn()
      session.forget()
      await tools.clock.sleep(this.#pauseSeconds())
    }
  }

  // An error that may pass is something to wait for.
  async #look(): Promise<'done' | Unfinished> {
    try {
      const seen = this.#step.done(this.#parts.situation())
      // The next step would find it at work.
      return seen === 'done' && this.#unit()?.state === 'running' ? { waitsFor: 'the end of its unit' } : seen
    } catch (thrown) {
      const error = coded(thrown)
      if (error.answer !== 'progress') await this.#fail(error, { kind: 'note' })
      return { waitsFor: error.message, error }
    }
  }

  #pauseSeconds(): number {
    const waited = (this.#parts.tools.clock.monotonic() - this.#parts.watch.since) / 1000
    const isFirst = this.#isFirstCall
    this.#isFirstCall = false
    return isFirst ? 0 : pauseAfterLook(this.#step, waited)
  }

  async #tryToAct(): Promise<void> {
    const { watch } = this.#parts
    try {
      await this.#act()
      // A unit that is started again has not worked yet.
      if (!watch.isOfUnit) watch.trouble = undefined
    } catch (thrown) {
      await this.#troubled(thrown)
    }
  }

  async #act(): Promise<void> {
    await this.#endUnit()
    const situation = this.#parts.situation()
    // Another process has found the machine at its target and has tidied up.
    if (this.#step.usesPrograms && !hasInWork(situation, 'bin')) throw new RecordMoved()
    const action = this.#isUnderWay() ? undefined : this.#step.action?.(situation)
    const record = this.#record()
    const isEntered = record.step?.name === this.#step.name
    if (!action && isEntered) return
    if (!isEntered) this.#parts.tools.log.info({ step: this.#step.name }, this.#parts.title)
    const current = isEntered ? record : entered(record, this.#step.name, situation.observation)
    const changed = record.changed || (this.#step.changes && action !== undefined && action.kind !== 'note')
    await this.#carryOut(action, this.#parts.beforeChange({ ...current, changed }), isEntered)
  }

  async #carryOut(action: Action | undefined, record: AttemptRecord, isEntered: boolean): Promise<void> {
    const { session, tools } = this.#parts
    switch (action?.kind) {
      case undefined:
        await session.change(record, { kind: 'note' })
        return
      case 'unit': {
        const { limitSeconds } = this.#step
        await session.change(record, { ...action, kind: 'start', unit: unitNameOf(this.#step), limitSeconds })
        return
      }
      case 'run': {
        const { script, args, input } = action
        const output = await session.change(record, {
          kind: 'run',
          script,
          args,
          ...(input === undefined ? {} : { input }),
        })
        const error = action.read?.(output)
        if (error) throw error
        this.#called()
        return
      }
      case 'helper':
        if (!isEntered) await session.change(record, { kind: 'note' })
        await tools.engine.helper({
          name: `capd-kubeadm-upgrader-${action.takes}-${session.located.machine.name}`,
          image: action.image,
          argv: action.argv,
          volumes: { [action.volume]: '/machine' },
        })
        this.#called()
        return
      case 'pull':
        if (!isEntered) await session.change(record, { kind: 'note' })
        session.awaitPull(action.image)
        return
      case 'note':
        await session.change(action.record(record), { kind: 'note' })
        await action.after()
        return
    }
  }

  #called(): void {
    this.#isFirstCall = this.#calls === 0
    this.#calls += 1
  }

  // A unit that has failed is explained, noted and forgotten, so that it can be started again. Then the plan is gone
  // through from its beginning: what failed may be an earlier step's to mend.
  async #endUnit(): Promise<void> {
    const unit = this.#unit()
    if (unit?.state !== 'failed' || !this.#step.explain) return
    const { session } = this.#parts
    const error = await this.#failureOf(unit, this.#step.explain)
    const clear: Change = { kind: 'clear', unit: unit.name, invocationId: unit.invocationId }
    const times = (this.#record().retries[error.code] ?? 0) + 1
    if (error.answer !== 'progress' || times >= (mostRetries[error.code] ?? Number.POSITIVE_INFINITY)) {
      await this.#fail(error, clear)
    }
    await session.change(retried(this.#record(), error, session.observation), clear)
    this.#note(error)
    this.#parts.watch.isOfUnit = true
    throw new RecordMoved()
  }

  // On a full disk the log may lack the unit's last lines, and not each program names the disk.
  async #failureOf(unit: Unit, explain: NonNullable<Step['explain']>): Promise<UpgradeError> {
    const { session } = this.#parts
    const log = session.observation.unitLog
    const full = () => new UpgradeError('DISK_FULL', {}, { detail: log })
    if (namesFullDisk(log)) return full()
    const error = explain({ ...unit, log }, this.#parts.situation())
    if (log.trim() !== '' && error.code !== 'UNIT_FAILED') return error
    await session.know({ sections: ['space'] })
    return hasFullDisk(session.observation) ? full() : error
  }

  async #troubled(thrown: unknown): Promise<void> {
    if (!(thrown instanceof UpgradeError) || thrown.code === 'UNEXPECTED') throw thrown
    if (thrown.answer !== 'progress') await this.#fail(thrown, { kind: 'note' })
    this.#note(thrown)
  }

  async #giveUp(seen: Unfinished): Promise<never> {
    const given = this.#step.giveUp?.(this.#parts.situation())
    const error = given?.error ?? this.#parts.watch.trouble ?? seen.error ?? this.#timeLimit(seen)
    return this.#fail(error, given?.change ?? { kind: 'note' })
  }

  // Notes the failure in the machine together with what lets it rest, and ends the attempt.
  async #fail(error: UpgradeError, change: Change): Promise<never> {
    const { session } = this.#parts
    // An action may have changed the record a moment ago.
    await session.know({ sections: ['kubelet', 'work'] })
    const record = failed(this.#record(), error, session.observation)
    const output = await session.change(record, this.#restFor(change))
    const detailed = error.detail || output === '' ? error : Object.assign(error, { detail: endOf(output) })
    throw new StepFailed(detailed, pauseAfter(record.failure ?? { count: 1 }))
  }

  // A machine that cannot rest as it is comes first, then what the step knows for its limit, then what the step leaves.
  #restFor(change: Change): Change {
    const situation = this.#parts.situation()
    const { rest } = this.#step
    return restAfterFailure(situation) ?? (change.kind === 'rest' ? change : rest?.(situation)) ?? change
  }

  #ended(): void {
    const { session, tools, situation } = this.#parts
    const { step } = session.record ?? {}
    if (step?.name !== this.#step.name) return
    const remark = this.#step.remark?.(situation())
    if (remark !== undefined) tools.log.warn({ step: step.name }, remark)
    const seconds = secondsSince(step.since, session.observation)
    if (Number.isFinite(seconds)) tools.report?.stepEnded(this.#step.name, seconds)
  }

  // By the machine's time, which all replicas share; a process that was away gets a while to see what became of it.
  #isOver(): boolean {
    const { session, tools, watch } = this.#parts
    const limit = this.#step.limitSeconds + (this.#unit()?.state === 'running' ? unitGraceSeconds : 0)
    const watched = (tools.clock.monotonic() - watch.since) / 1000
    const { step } = session.record ?? {}
    const since = step?.name === this.#step.name ? secondsSince(step.since, session.observation) : watched
    const elapsed = Number.isFinite(since) ? since : watched
    return elapsed >= limit && watched >= Math.min(limit, watchSeconds)
  }

  #unit(): Unit | undefined {
    const name = unitNameOf(this.#step)
    return this.#parts.session.observation.units.find((unit) => unit.name === name)
  }

  // One that succeeded a moment ago counts too: its effect is seen by the next look.
  #isUnderWay(): boolean {
    const unit = this.#unit()
    return unit !== undefined && unit.state !== 'failed'
  }

  #record(): AttemptRecord {
    const { record } = this.#parts.session
    if (record?.state !== 'open' || record.request.key !== this.#parts.key) throw new RecordMoved()
    return record
  }

  #timeLimit({ waitsFor }: Unfinished): UpgradeError {
    const { name, limitSeconds } = this.#step
    return new UpgradeError('STEP_TIME_LIMIT', { step: name, minutes: String(Math.ceil(limitSeconds / 60)), waitsFor })
  }

  #note(error: UpgradeError): void {
    const about = { code: error.code, step: this.#step.name, detail: error.detail, err: error.cause }
    this.#parts.tools.log.warn(about, error.message)
    this.#parts.watch.trouble = error
    this.#parts.watch.isOfUnit = false
    this.#tell(error.message)
  }

  #tell(what: string): void {
    this.#parts.tell(`${this.#parts.title}: ${what}`)
  }
}
