import { coded, endOf, UpgradeError } from '../errors/upgrade-error.ts'
import type { Change } from '../machine/change.ts'
import { hasFullDisk, reportsFullDisk } from '../machine/disk-full.ts'
import type { Unit } from '../machine/observation.ts'
import { type AttemptRecord, entered, failed, pauseAfter, retried, secondsSince } from './attempt.ts'
import { carryOut } from './carry-out.ts'
import { pauseAfterLook } from './look-pause.ts'
import { restAfterFailure } from './rest-after-failure.ts'
import { RecordMoved, type Session } from './session.ts'
import { hasInWork, type Needs, type Situation, type Step, unitOf } from './step.ts'
import { StepFailed } from './step-failed.ts'
import { isPastLimit, mostRetries, pastLimit } from './step-limit.ts'
import type { StepMemory } from './step-memory.ts'
import type { Tools } from './tools.ts'

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
  memory: StepMemory
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

/** Runs one step of an attempt: observes, acts and waits, until the step is done or has failed. */
export class StepRun {
  readonly #step: Step
  readonly #parts: StepRunParts
  // True after the first action that is complete when its call returns: the next observation follows without a pause.
  #isFirstCall = false
  #calls = 0
  // True when the step's unit was running at the last look, so that the step waits for its end.
  #isUnitSeen = false

  constructor(step: Step, parts: StepRunParts) {
    this.#step = step
    this.#parts = parts
  }

  /** Resolves when the step is done. Throws StepFailed, RecordMoved, and errors of the engine and the observation. */
  async toEnd(): Promise<void> {
    const { session, tools, onPause } = this.#parts
    for (;;) {
      if (!(await this.#isUnitAtWork()) && (await this.#isDone())) return this.#ended()
      onPause()
      session.forget()
      await tools.clock.sleep(this.#pauseSeconds())
    }
  }

  // True while a unit goes on that was running at the last look. Only the unit is looked at then: most of the rest costs
  // processor time that the unit needs, and counts only when the unit has ended.
  async #isUnitAtWork(): Promise<boolean> {
    if (!this.#isUnitSeen) return false
    await this.#observe({ sections: ['units', 'work'] })
    this.#isUnitSeen = this.#isUnitRunning() && !isPastLimit(this.#step, this.#watched, this.#parts.session)
    return this.#isUnitSeen
  }

  // Observes the machine, and acts if the step is not done.
  async #isDone(): Promise<boolean> {
    const { session, memory } = this.#parts
    await this.#observe(this.#step.needs)
    const seen = await this.#look()
    if (seen === 'done') return true
    const trouble = memory.trouble ?? seen.error
    this.#report(trouble ? trouble.message : `waiting for ${seen.waitsFor}`)
    if (isPastLimit(this.#step, this.#watched, session)) await this.#giveUp(seen)
    this.#isUnitSeen = this.#isUnitRunning() && !this.#step.goesOn
    await this.#tryToAct()
    return false
  }

  async #observe(needs: Needs): Promise<void> {
    const { know, checkTurn } = this.#parts
    await know(needs)
    await checkTurn()
    // Observes again only if checkTurn has changed the record.
    await know(needs)
  }

  // An error that may resolve itself counts as something to wait for.
  async #look(): Promise<'done' | Unfinished> {
    try {
      const seen = this.#step.done(this.#parts.situation())
      // The step waits for its unit, so that the next step can start its own.
      return seen === 'done' && this.#isUnitRunning() && !this.#goesOn() ? { waitsFor: 'the end of its unit' } : seen
    } catch (thrown) {
      const error = coded(thrown)
      if (error.answer !== 'progress') await this.#fail(error, { kind: 'note' })
      return { waitsFor: error.message, error }
    }
  }

  #pauseSeconds(): number {
    const isFirst = this.#isFirstCall
    this.#isFirstCall = false
    return isFirst ? 0 : pauseAfterLook(this.#step, this.#watched)
  }

  async #tryToAct(): Promise<void> {
    const { memory } = this.#parts
    try {
      await this.#act()
      // The failure of a unit is not over when the unit is started again.
      if (!memory.isOfUnit) memory.trouble = undefined
    } catch (thrown) {
      await this.#troubled(thrown)
    }
  }

  async #act(): Promise<void> {
    await this.#endUnit()
    const situation = this.#parts.situation()
    // Another process has removed the staged programs, because the machine has reached the target.
    if (this.#step.usesPrograms && !hasInWork(situation, 'bin')) throw new RecordMoved()
    if (this.#step.startsOver?.(situation)) throw new RecordMoved()
    const action = this.#isUnderWay() ? undefined : this.#step.action?.(situation)
    const record = this.#record()
    const current = this.#entered(record)
    const isEntered = current === record
    if (!action && isEntered) return
    if (!isEntered) this.#parts.tools.log.info({ step: this.#step.name }, this.#parts.title)
    const changed = record.changed || (this.#step.changesMachine && action !== undefined && action.kind !== 'note')
    const next = this.#parts.beforeChange({ ...current, changed })
    const goesOn = this.#goesOn()
    const isComplete = await carryOut(action, next, { ...this.#parts, step: this.#step, isEntered })
    if (isComplete || (action?.kind === 'unit' && goesOn)) this.#called()
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
    // A unit that went on may have failed while another step was the current one.
    const record = this.#entered(this.#record())
    const times = (record.retries[error.code] ?? 0) + 1
    if (error.answer !== 'progress' || times >= mostRetries(this.#step, error.code)) {
      await this.#fail(error, clear)
    }
    await session.change(retried(record, error, session.observation), clear)
    this.#note(error)
    this.#parts.memory.isOfUnit = true
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
    const error = given?.error ?? this.#parts.memory.trouble ?? seen.error ?? pastLimit(this.#step, seen.waitsFor)
    return this.#fail(error, given?.change ?? { kind: 'note' })
  }

  // Ends the attempt: makes the change that leaves the machine in a safe state, and records the failure with it.
  async #fail(error: UpgradeError, change: Change): Promise<never> {
    const { session } = this.#parts
    // An action may have changed the record since the last observation.
    await session.know({ sections: ['kubelet', 'work'] })
    const record = failed(this.#entered(this.#record()), error, session.observation)
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

  #goesOn(): boolean {
    return this.#step.goesOn?.(this.#parts.situation()) ?? false
  }

  get #watched(): number {
    return (this.#parts.tools.clock.monotonic() - this.#parts.memory.since) / 1000
  }

  #unit(): Unit | undefined {
    return unitOf(this.#step, this.#parts.session.observation)
  }

  #isUnitRunning(): boolean {
    return this.#unit()?.state === 'running'
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

  // The record with this step as the current one.
  #entered(record: AttemptRecord): AttemptRecord {
    const { name } = this.#step
    return record.step?.name === name ? record : entered(record, name, this.#parts.session.observation)
  }

  #note(error: UpgradeError): void {
    const about = { code: error.code, step: this.#step.name, detail: error.detail, err: error.cause }
    this.#parts.tools.log.warn(about, error.message)
    this.#parts.memory.trouble = error
    this.#parts.memory.isOfUnit = false
    this.#report(error.message)
  }

  #report(what: string): void {
    this.#parts.report(`${this.#parts.title}: ${what}`)
  }
}
