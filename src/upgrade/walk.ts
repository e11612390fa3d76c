import { coded, oneLine, UpgradeError } from '../errors/upgrade-error.ts'
import { locate } from '../machine/locate.ts'
import { type AttemptRecord, begun, finished, rememberedFailure, withdrawn } from './attempt.ts'
import { isStopped } from './clock.ts'
import { Demand, type SinceRequested } from './demand.ts'
import { goalOf, recordedGoal } from './goal.ts'
import { endableUnits, firstNeeds, isNothingLeft, leftOf, planFor } from './plan.ts'
import type { Progress } from './progress.ts'
import { RecordMoved, Session } from './session.ts'
import { stanceOf } from './stance.ts'
import type { Goal, Needs, Situation, Step } from './step.ts'
import { StepFailed, StepRun, type Watch } from './step-run.ts'
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
    const { engine, members } = this.#tools
    const located = await locate(engine, this.#task)
    const session = new Session(located, this.#task.caCertHashes ?? [], members)
    await session.know(firstNeeds(this.#planOf(session, this.#task)))
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
        await this.#follow(session, () => goal, { prefix: `${this.#otherUpgrade(stance.record).message}: ` })
        return { kind: 'again', afterSeconds: 0 }
      }
      case 'begin':
      case 'replace':
        // One that is not made any more, by what this process knows, begins nothing.
        if (!this.#demand.mayBegin(session.record)) return ended
        await this.#follow(session, () => goalOf(this.#task), { replaces: stance.kind === 'replace' })
        return this.#done()
      case 'own':
        await this.#follow(session, () => goalOf(this.#task))
        return this.#done()
    }
  }

  // Takes what is left of the plan for this goal, step by step, and notes the end.
  // `replaces`: another attempt has to be ended even where nothing is left to do.
  async #follow(session: Session, goal: () => Goal, { prefix = '', replaces = false } = {}): Promise<void> {
    const plan = this.#planOf(session, goal())
    const situation = () => this.#situation(session, goal())
    const { key } = goal()
    const { recordDigest } = session.observation
    const known = { know: (needs: Needs) => session.know(needs), situation }
    const left = await leftOf(plan, known)
    const isOpen = session.record?.state === 'open' && session.record.request.key === key
    if (!isOpen) {
      if (!replaces && (await isNothingLeft(left, known))) return
      // What was decided holds for the record that it was decided by.
      if (session.observation.recordDigest !== recordDigest) throw new RecordMoved()
      await this.#begin(session)
    } else if (situation().observation.work.key !== key && left.some(({ needsWork }) => needsWork)) {
      await this.#renewWork(session, key)
    }
    for (const [i, step] of left.entries()) {
      const run = new StepRun(step, {
        session,
        key,
        situation,
        tools: this.#tools,
        watch: this.#watchOf(step),
        title: `${prefix}step ${i + 1} of ${left.length}, ${step.doing}`,
        tell: (message) => this.#say(step, message),
        beforeChange: (record) => this.#demand.noted(record, session.observation),
        look: () => this.#lookAround(session, key),
        goesOn: () => {
          this.#troubledSince = undefined
        },
      })
      await run.toEnd()
      this.#watches.delete(step.name)
    }
    await this.#noteEnd(session, key)
  }

  #planOf({ located: { machine } }: Session, { settings }: Pick<Goal, 'settings'>): Step[] {
    return (this.#tools.plan ?? planFor)({ machine, sources: this.#tools.sources, settings })
  }

  #endable({ located: { machine } }: Session): string[] {
    return endableUnits({ machine, sources: this.#tools.sources })
  }

  #situation(session: Session, goal: Goal): Situation {
    const { located, observation, members, record } = session
    return {
      ...goal,
      machine: located.machine,
      varVolume: located.varVolume,
      observation,
      members,
      sources: this.#tools.sources,
      record,
    }
  }

  #watchOf({ name }: Step): Watch {
    const watch = this.#watches.get(name) ?? {
      since: this.#tools.clock.monotonic(),
      trouble: undefined,
      isOfUnit: false,
    }
    this.#watches.set(name, watch)
    return watch
  }

  async #begin(session: Session): Promise<void> {
    const { key, target, settings, patches } = goalOf(this.#task)
    const { machine } = session.located
    const record = begun(
      {
        identity: {
          cluster: machine.cluster,
          role: machine.role,
          cas: session.caHashes,
          pinned: session.isPinned || session.record?.identity.pinned === true,
        },
        request: { key, target, settings: { ...settings }, ...(patches === undefined ? {} : { patches }) },
      },
      session.record,
      session.observation,
    )
    // Another attempt has its own time for each step.
    this.#watches.clear()
    this.#tools.log.info({ replaced: session.record?.state === 'open' }, 'an attempt begins')
    await session.change(record, {
      kind: 'begin',
      key,
      endable: this.#endable(session),
    })
  }

  // The work directory of an open attempt is gone, or another's: whoever removed it, the attempt starts staging again.
  async #renewWork(session: Session, key: string): Promise<void> {
    const { record } = session
    if (!record) throw new RecordMoved()
    this.#tools.log.warn('the work directory of the attempt is gone: what was staged is staged again')
    await session.change(record, {
      kind: 'begin',
      key,
      endable: this.#endable(session),
    })
  }

  async #noteEnd(session: Session, key: string): Promise<void> {
    await session.know({ sections: [] })
    const { record } = session
    if (record?.state !== 'open' || record.request.key !== key) return
    await session.change(finished(record, session.observation), { kind: 'note' })
    this.#tools.report?.upgradeEnded('done', '')
  }

  // Before each look of a step: is the attempt still this goal's, and is the request still made?
  async #lookAround(session: Session, key: string): Promise<void> {
    const { record, observation } = session
    if (record?.state !== 'open' || record.request.key !== key) throw new RecordMoved()
    if (this.#demand.isAbandoned(record)) throw new RecordMoved()
    if (key === this.#task.key) this.#demand.hasPlace()
    if (!this.#demand.isNoteDue(record, observation)) return
    await session.change(this.#demand.noted(record, observation), { kind: 'note' })
  }

  // What another replica is still asked for goes on there.
  async #drop(session: Session): Promise<Outcome> {
    const { record, observation } = session
    if (this.#demand.isDroppedByAll(record, observation)) {
      this.#tools.log.info('the attempt is not requested any more and has changed nothing: it ends')
      await session.change(withdrawn(record, observation), {
        kind: 'begin',
        key: '',
        endable: this.#endable(session),
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

  #say({ name, pollSeconds }: Step, message: string): void {
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
