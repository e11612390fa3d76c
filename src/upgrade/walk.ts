import { coded, oneLine, UpgradeError } from '../errors/upgrade-error.ts'
import { locate } from '../machine/locate.ts'
import { type AttemptRecord, rememberedFailure, withdrawn } from './attempt.ts'
import { AttemptRun } from './attempt-run.ts'
import { isStopped } from './clock.ts'
import { Demand, type SinceRequested } from './demand.ts'
import { goalOf, recordedGoal } from './goal.ts'
import { endableUnits, firstNeeds, planFor } from './plan.ts'
import type { Progress } from './progress.ts'
import { RecordMoved, Session } from './session.ts'
import { stanceOf } from './stance.ts'
import type { Goal, Step } from './step.ts'
import { StepFailed } from './step-failed.ts'
import type { Watch } from './step-run.ts'
import type { Task } from './task.ts'
import type { Tools } from './tools.ts'
import type { Walker } from './walker.ts'

// How long trouble outside of a step may last before a person has to know: the machine is stopped or paused, its engine
// is silent, or its disk has no room for the record.
const troubleLimitSeconds = 600
// After a change by another replica, or trouble that may pass.
const pauseSeconds = 3
// While a newer request is served.
const supersededSeconds = 10
// How long this process remembers a failure before it looks at the machine again.
const restSeconds = 30
// After a failure that the machine does not remember.
const firstPauseSeconds = 10

type Outcome = { kind: 'ended' } | { kind: 'again'; afterSeconds: number }

const ended: Outcome = { kind: 'ended' }

/**
 * Brings one machine to what one request asks for. It owns nothing: it looks at the machine before everything it does,
 * and makes every change under the machine's lock with the record that it decided by. So it can begin anywhere: after
 * a restart of the service, next to another replica, or on a machine that someone has half upgraded.
 */
export class Walk implements Walker {
  progress: Progress
  restSeconds = 0
  readonly news: Promise<void>
  readonly #toldNews: () => void
  #task: Task
  readonly #tools: Tools
  readonly #demand: Demand
  readonly #watches = new Map<string, Watch>()
  #troubledSince: number | undefined

  /** `before`: what is reported until the first look at the machine. */
  constructor(task: Task, tools: Tools, sinceRequested: SinceRequested, before?: Progress) {
    this.#task = task
    this.#tools = tools
    this.#demand = new Demand(task.key, sinceRequested, tools.clock)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.news = promise
    this.#toldNews = resolve
    // What is known of the failure before is news enough.
    if (before) resolve()
    this.progress = before ?? { phase: 'InProgress', step: '', message: 'looking at the machine', retryAfterSeconds: 1 }
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
        if (!isStopped(thrown)) this.#tools.log.error({ err: thrown }, 'a walk ended unexpectedly')
        return
      }
    }
  }

  // From a first look to the end of the plan, unless something moves meanwhile.
  async #pass(): Promise<Outcome> {
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
        // One that is not made any more, by what this process knows, begins nothing.
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
      watches: this.#watches,
      prefix,
      tell: (step, message) => this.#say(step, message),
      goesOn: () => {
        this.#troubledSince = undefined
      },
    })
  }

  // What another replica is still asked for goes on there.
  async #drop(session: Session): Promise<Outcome> {
    const { record, observation } = session
    if (this.#demand.isDroppedByAll(record, observation)) {
      this.#tools.log.info('the attempt is not requested any more and has changed nothing: it ends')
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
    this.#toldNews()
  }

  // The log has what a step waits for each time that it changes: with the API's own reason, where it is the API.
  #say({ name, pollSeconds }: Step, message: string): void {
    if (message !== this.progress.message) this.#tools.log.info({ step: name }, message)
    this.#report({ phase: 'InProgress', step: name, message, retryAfterSeconds: pollSeconds })
  }

  #wait(error: UpgradeError, afterSeconds: number): Outcome {
    this.#report({ phase: 'InProgress', step: '', message: error.message, retryAfterSeconds: afterSeconds })
    return { kind: 'again', afterSeconds }
  }

  #done(): Outcome {
    this.#report({ phase: 'Done', step: '', message: `at ${this.#task.version}`, retryAfterSeconds: 0 })
    return ended
  }

  #fail(error: UpgradeError, step: string, seconds: number): Outcome {
    this.restSeconds = seconds
    this.#report({ phase: 'Failed', step, message: error.message, retryAfterSeconds: 0, error })
    return ended
  }

  // Decides what trouble means: the record moved, something that may pass, or a failure that needs a person.
  #troubled(thrown: unknown): Outcome {
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
