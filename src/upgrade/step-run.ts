import { coded, endOf, UpgradeError } from '../errors/upgrade-error.ts'
import type { Change } from '../machine/change.ts'
import { hasFullDisk, reportsFullDisk } from '../machine/disk-full.ts'
import type { Unit } from '../machine/observation.ts'
import { type AttemptRecord, entered, failed, pauseAfter, retried, secondsSince } from './attempt.ts'
import { pauseAfterLook } from './look-pause.ts'
import { restAfterFailure } from './rest-after-failure.ts'
import { RecordMoved, type Session } from './session.ts'
import { type Action, hasInWork, type Needs, type Situation, type Step, unitNameOf } from './step.ts'
import { StepFailed } from './step-failed.ts'
import type { Tools } from './tools.ts'

/** What this process remembers of an unfinished step. It outlives the runs of the step. */
export interface Watch {
  /** When this process first ran the step, in monotonic milliseconds. */
  since: number
  /** The error of the last action. It is kept until an action succeeds, so that the message is constant. */
  trouble: UpgradeError | undefined
  /** True when the error is the failure of a unit. It is kept until the step is done. */
  isOfUnit: boolean
}

/** What a step needs to run. */
export interface StepRunParts {
  session: Session
  /** The key of the attempt. */
  key: string
  situation: () => Situation
  /** Makes sure that the situation covers the needs. */
  know(needs: Needs): Promise<void>
  tools: Pick<Tools, 'engine' | 'clock' | 'log' | 'report'>
  /** The beginning of each message: the number and the description of the step. */
  title: string
  watch: Watch
  /** Reports the progress of the step. */
  report(message: string): void
  /** Adds to the record what the next change has to note. */
  beforeChange(record: AttemptRecord): AttemptRecord
  /** Called after each observation. Throws RecordMoved when the attempt must not continue here. */
  checkTurn(): Promise<void>
  /** Called before each pause: the machine could be observed and its record written. */
  onPause(): void
}

/** What an unfinished step waits for, and the error that blocks it, if any. */
interface Unfinished {
  waitsFor: string
  error?: UpgradeError
}

// A process observes a step for at least this long before it applies the time limit: the process may have been
// suspended.
const watchSeconds = 60
// The unit of a step reaches its own limit first.
const unitGraceSeconds = 30
// More retries would not help.
const mostRetries: Record<string, number> = { CHECKSUM_WRONG: 3 }

/** Runs one step of an attempt: observes, acts and waits, until the step is done or has failed. */
export class StepRun {
  readonly #step: Step
  readonly #parts: StepRunParts
  // True after the first action that is complete when its call returns: the next observation follows without a pause.
  #isFirstCall = false
  #calls = 0

  constructor(step: Step, parts: StepRunParts) {
    this.#step = step
    this.#parts = parts
  }

  /** Resolves when the step is done. Throws StepFailed, RecordMoved, and errors of the engine and the observation. */
  async toEnd(): Promise<void> {
    const { session, tools, know, checkTurn, watch } = this.#parts
    for (;;) {
      await know(this.#step.needs)
      await checkTurn()
      // Observes again only if checkTurn has changed the record.
      await know(this.#step.needs)
      const seen = await this.#look()
      if (seen === 'done') return this.#ended()
      const trouble = watch.trouble ?? seen.error
      this.#report(trouble ? trouble.message : `waiting for ${seen.waitsFor}`)
      if (this.#isOver()) await this.#giveUp(seen)
      await this.#tryToAct()
      this.#parts.onPause()
      session.forget()
      await tools.clock.sleep(this.#pauseSeconds())
    }
  }

  // An error that may resolve itself counts as something to wait for.
  async #look(): Promise<'done' | Unfinished> {
    try {
      const seen = this.#step.done(this.#parts.situation())
      // The step waits for its unit, so that the next step can start its own.
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
      // The failure of a unit is not over when the unit is started again.
      if (!watch.isOfUnit) watch.trouble = undefined
    } catch (thrown) {
      await this.#troubled(thrown)
    }
  }

  async #act(): Promise<void> {
    await this.#endUnit()
    const situation = this.#parts.situation()
    // Another process has removed the staged programs, because the machine has reached the target.
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
        const withInput = input === undefined ? {} : { input }
        const output = await session.change(record, { kind: 'run', script, args, ...withInput })
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

  // Records the failure of the unit and resets the unit, so that it can be started again. Then the plan starts over,
  // because an earlier step may have to repair the cause.
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

  // On a full disk, the last lines of the log may be missing, and not every program reports the reason.
  async #failureOf(unit: Unit, explain: NonNullable<Step['explain']>): Promise<UpgradeError> {
    const { session } = this.#parts
    const log = session.observation.unitLog
    const full = () => new UpgradeError('DISK_FULL', {}, { detail: log })
    if (reportsFullDisk(log)) return full()
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

  // Ends the attempt: makes the change that leaves the machine in a safe state, and records the failure with it.
  async #fail(error: UpgradeError, change: Change): Promise<never> {
    const { session } = this.#parts
    // An action may have changed the record since the last observation.
    await session.know({ sections: ['kubelet', 'work'] })
    const record = failed(this.#record(), error, session.observation)
    const output = await session.change(record, this.#restFor(change))
    const detailed = error.detail || output === '' ? error : Object.assign(error, { detail: endOf(output) })
    throw new StepFailed(detailed, pauseAfter(record.failure ?? { code: error.code, count: 1 }))
  }

  // In order of precedence: the rollback that the machine needs, the change of `giveUp`, and the `rest` of the step.
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

  // The machine's time counts, which all replicas share. A process that was suspended first observes the step for a
  // while.
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

  // A unit that has succeeded counts too: the next observation shows its effect.
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
    this.#report(error.message)
  }

  #report(what: string): void {
    this.#parts.report(`${this.#parts.title}: ${what}`)
  }
}
