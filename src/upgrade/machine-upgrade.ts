import { coded, oneLine, UpgradeError } from '../errors/upgrade-error.ts'
import { locate } from '../machine/locate.ts'
import { type AttemptRecord, rememberedFailure, withdrawn } from './attempt.ts'
import { AttemptRun } from './attempt-run.ts'
import { isStopped } from './clock.ts'
import { Demand, type SinceRequested } from './demand.ts'
import { goalOf, recordedGoal } from './goal.ts'
import { endableUnits, firstNeeds, planFor } from './plan.ts'
import { observingMessage, type Progress } from './progress.ts'
import { RecordMoved, Session } from './session.ts'
import { stanceOf } from './stance.ts'
import type { Goal, Step } from './step.ts'
import { StepFailed } from './step-failed.ts'
import type { StepMemory } from './step-memory.ts'
import type { Task } from './task.ts'
import type { Tools } from './tools.ts'
import type { Upgrade } from './upgrade.ts'

// An error outside of a step becomes a failure after this time: the machine is stopped or paused, the engine does not
// respond, or the disk is too full for the record.
const troubleLimitSeconds = 600
// The pause after an error that is retried.
const pauseSeconds = 3
// The pause while a newer request is worked on.
const supersededSeconds = 10
// How long this process reports a failure before it observes the machine again.
const restSeconds = 30
// The same for a failure that is not in the record.
const firstPauseSeconds = 10

type PassOutcome = { kind: 'ended' } | { kind: 'again'; afterSeconds: number }

const ended: PassOutcome = { kind: 'ended' }

/**
 * Brings one machine to the goal of one request. It observes the machine before every action, and makes every change
 * under the machine's lock and only if the record is unchanged. So it works from any state: after a restart of the
 * service, next to another replica, or on a machine that was upgraded in part.
 */
export class MachineUpgrade implements Upgrade {
  progress: Progress
  restSeconds = 0
  readonly firstReport: Promise<void>
  readonly #resolveFirstReport: () => void
  #task: Task
  readonly #tools: Tools
  readonly #demand: Demand
  readonly #memories = new Map<string, StepMemory>()
  #troubledSince: number | undefined

  /** `before`: the progress to report until the machine was observed. */
  constructor(task: Task, tools: Tools, sinceRequested: SinceRequested, before?: Progress) {
    this.#task = task
    this.#tools = tools
    this.#demand = new Demand(task.key, sinceRequested, tools.clock)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.firstReport = promise
    this.#resolveFirstReport = resolve
    // A known failure is reported without waiting.
    if (before) resolve()
    this.progress = before ?? { phase: 'InProgress', step: '', message: observingMessage, retryAfterSeconds: 1 }
  }

  update(task: Task): void {
    this.#task = task
  }

  async toEnd(): Promise<void> {
    for (;;) {
      try {
        const outcome = await this.#pass().catch((thrown) => this.#troubled(thrown))
        if (outcome.kind === 'ended') return
        await this.#tools.clock.sleep(outcome.afterSeconds)
      } catch (thrown) {
        if (!isStopped(thrown)) this.#tools.log.error({ err: thrown }, 'an upgrade ended unexpectedly')
        return
      }
    }
  }

  // Observes the machine, decides what the request may do, and runs the attempt to its end.
  async #pass(): Promise<PassOutcome> {
    const { engine } = this.#tools
    const located = await locate(engine, this.#task)
    const session = new Session(located, this.#task.caCertHashes ?? [], this.#tools)
    const { settings } = this.#task
    const planned = { machine: located.machine, sources: this.#tools.sources, settings }
    await session.know(firstNeeds((this.#tools.plan ?? planFor)(planned)))
    if (this.#demand.isAbandoned(session.record)) return this.#drop(session)
    const stance = stanceOf(this.#task.key, session.record, session.observation)
    switch (stance.kind) {
      case 'paused':
        return this.#fail(rememberedFailure(stance.failure), stance.failure.step, Math.min(stance.seconds, restSeconds))
      case 'superseded':
        this.#troubledSince = undefined
        this.#demand.hasPlace()
        return this.#wait(this.#otherUpgrade(stance.record), supersededSeconds)
      case 'finish': {
        const goal = recordedGoal(stance.record)
        await this.#run(session, () => goal, `${this.#otherUpgrade(stance.record).message}: `).toEnd()
        return { kind: 'again', afterSeconds: 0 }
      }
      case 'begin':
      case 'replace':
        // Do not begin an attempt for a request that may have been withdrawn.
        if (!this.#demand.mayBegin(session.record)) return ended
        await this.#run(session, () => goalOf(this.#task)).toEnd({ replaces: stance.kind === 'replace' })
        return this.#done()
      case 'own':
        await this.#run(session, () => goalOf(this.#task)).toEnd()
        return this.#done()
    }
  }

  #run(session: Session, goal: () => Goal, prefix = ''): AttemptRun {
    return new AttemptRun({
      session,
      goal,
      tools: this.#tools,
      demand: this.#demand,
      memories: this.#memories,
      prefix,
      report: (step, message) => this.#reportStep(step, message),
      onPause: () => {
        this.#troubledSince = undefined
      },
    })
  }

  // Ends the attempt, unless another replica still receives its request.
  async #drop(session: Session): Promise<PassOutcome> {
    const { record, observation } = session
    if (this.#demand.isDroppedByAll(record, observation)) {
      this.#tools.log.info('ending the attempt: it is no longer requested and has changed nothing')
      await session.change(withdrawn(record, observation), {
        kind: 'begin',
        key: '',
        endable: endableUnits({ machine: session.located.machine, sources: this.#tools.sources }),
      })
    }
    return ended
  }

  #otherUpgrade(record: AttemptRecord): UpgradeError {
    const values = { machine: this.#task.container, version: record.request.target }
    return new UpgradeError('OTHER_UPGRADE', values)
  }

  #report(progress: Progress): void {
    this.progress = { ...progress, message: oneLine(progress.message) }
    this.#resolveFirstReport()
  }

  // Logs the message only when it changes.
  #reportStep({ name, pollSeconds }: Step, message: string): void {
    if (message !== this.progress.message) this.#tools.log.info({ step: name }, message)
    this.#report({ phase: 'InProgress', step: name, message, retryAfterSeconds: pollSeconds })
  }

  #wait(error: UpgradeError, afterSeconds: number): PassOutcome {
    this.#report({ phase: 'InProgress', step: '', message: error.message, retryAfterSeconds: afterSeconds })
    return { kind: 'again', afterSeconds }
  }

  #done(): PassOutcome {
    this.#report({ phase: 'Done', step: '', message: `at ${this.#task.version}`, retryAfterSeconds: 0 })
    return ended
  }

  #fail(error: UpgradeError, step: string, seconds: number): PassOutcome {
    this.restSeconds = seconds
    this.#report({ phase: 'Failed', step, message: error.message, retryAfterSeconds: 0, error })
    return ended
  }

  // Decides whether to start over at once, to retry, or to report a failure.
  #troubled(thrown: unknown): PassOutcome {
    if (isStopped(thrown)) throw thrown
    if (thrown instanceof RecordMoved) return { kind: 'again', afterSeconds: 1 }
    const { clock, log, report } = this.#tools
    const isStep = thrown instanceof StepFailed
    const error = isStep ? thrown.error : coded(thrown)
    const about = { code: error.code, step: this.progress.step, detail: error.detail, err: error.cause }
    this.#troubledSince ??= clock.monotonic()
    const isLasting = clock.monotonic() - this.#troubledSince > troubleLimitSeconds * 1000
    if (isStep || error.answer !== 'progress' || isLasting) {
      log.error({ ...about, todo: error.todo }, error.message)
      report?.upgradeEnded('failed', error.code)
      return this.#fail(
        error,
        this.progress.step,
        isStep ? Math.min(thrown.pauseSeconds, restSeconds) : firstPauseSeconds,
      )
    }
    log.warn(about, error.message)
    this.#report({ phase: 'InProgress', step: this.progress.step, message: error.message, retryAfterSeconds: 5 })
    return { kind: 'again', afterSeconds: pauseSeconds }
  }
}
