import { coded, endOf, UpgradeError } from '../errors/upgrade-error.ts'
import type { Change } from '../machine/change.ts'
import { hasFullDisk, reportsFullDisk } from '../machine/disk-full.ts'
import type { Unit } from '../machine/observation.ts'
import { type AttemptRecord, entered, failed, pauseAfter, retried, secondsSince } from './attempt.ts'
import { pauseAfterLook } from './look-pause.ts'
import { restAfterFailure } from './rest-after-failure.ts'
import { RecordMoved, type Session } from './session.ts'
import { type Action, hasInWork, type Needs, type Situation, type Step, unitNameOf, unitOf } from './step.ts'
import { StepFailed } from './step-failed.ts'
import { isPastLimit, mostRetries, pastLimit } from './step-limit.ts'
import type { Tools } from './tools.ts'

/** What this process remembers of an unfinished step. It outlives the runs of the step. */
export interface StepMemory {
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

  constructor(step: Step, parts: StepRunParts) {
    this.#step = step
    this.#parts = parts
  }

  /** Resolves when the step is done. Throws StepFailed, RecordMoved, and errors of the engine and the observation. */
  async toEnd(): Promise<void> {
    const { session, tools, know, checkTurn, memory } = this.#parts
    for (;;) {
      await know(this.#step.needs)
      await checkTurn()
      // Observes again only if checkTurn has changed the record.
      await know(this.#step.needs)
      const seen = await this.#look()
      if (seen === 'done') return this.#ended()
      const trouble = memory.trouble ?? seen.error
      this.#report(trouble ? trouble.message : `waiting for ${seen.waitsFor}`)
      if (isPastLimit(this.#step, this.#watched, session)) await this.#giveUp(seen)
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
      const isRunning = this.#unit()?.state === 'running'
      // The step waits for its unit, so that the next step can start its own.
      return seen === 'done' && isRunning && !this.#goesOn() ? { waitsFor: 'the end of its unit' } : seen
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
    await this.#carryOut(action, this.#parts.beforeChange({ ...current, changed }), isEntered)
  }

  async #carryOut(action: Action | undefined, record: AttemptRecord, isEntered: boolean): Promise<void> {
    const { session, tools } = this.#parts
    const alongside = (this.#step.alongside ?? []).map(unitNameOf)
    switch (action?.kind) {
      case undefined:
        await session.change(record, { kind: 'note' })
        return
      case 'unit': {
        const { limitSeconds } = this.#step
        const goesOn = this.#goesOn()
        await session.change(record, {
          ...action,
          kind: 'start',
          unit: unitNameOf(this.#step),
          limitSeconds,
          alongside,
        })
        if (goesOn) this.#called()
        return
      }
      case 'run': {
        const { script, args, input } = action
        const withInput = input === undefined ? {} : { input }
        const output = await session.change(record, { kind: 'run', script, args, alongside, ...withInput })
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
