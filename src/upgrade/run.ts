import type { Logger } from 'pino'
import type { ErrorCode } from '../errors/catalogue.ts'
import { coded, rememberedError, UpgradeError } from '../errors/upgrade-error.ts'
import type { Engine } from '../machine/engine.ts'
import { locate } from '../machine/locate.ts'
import type { Clock } from './clock.ts'
import { type Event, eventsOf, isOpen, lastFailure, otherUnderWay, readEvents, record } from './history.ts'
import { leftOf, planFor } from './plan.ts'
import type { Progress } from './progress.ts'
import type { Context, Look, Plan, Sources, Step } from './step.ts'
import type { Task } from './task.ts'

export interface Means {
  engine: Engine
  sources: Sources
  clock: Clock
  log: Logger
  // Instead of the usual one.
  plan?: Plan
}

// How often a step is looked at, and how long to wait after trouble that may pass.
const lookSeconds = 1
const pauseSeconds = 3
// How long a machine may be away (stopped, paused, its engine silent) before a person has to know.
const awayLimitSeconds = 600
// After a failure the next attempt waits, longer each time: Cluster API asks again within a second.
const cooling = { firstSeconds: 10, mostSeconds: 300 }

// One walk to the target. It looks at the machine before everything it does, so it can begin anywhere: after a
// restart of the service, beside a second replica, on a machine that someone has half upgraded.
export class Run {
  progress: Progress = { phase: 'InProgress', step: '', message: 'looking at the machine', retryAfterSeconds: 1 }
  readonly #task: Task
  readonly #means: Means
  readonly #met = new Map<ErrorCode, number>()
  // When this process first met each step that is not done: time when no process watched does not count.
  readonly #since = new Map<string, number>()
  #away: number | undefined
  // True once the present walk has left a trace in the machine.
  #hasNoted = false

  constructor(task: Task, means: Means) {
    this.#task = task
    this.#means = means
  }

  // Runs until the machine is at the target or a person is needed; never rejects.
  async toEnd(): Promise<void> {
    for (let pause = 0; ; pause = pauseSeconds) {
      try {
        if (pause > 0) await this.#means.clock.sleep(pause)
        await this.#walk()
        this.progress = { phase: 'Done', step: '', message: `at ${this.#task.version}`, retryAfterSeconds: 0 }
        return
      } catch (thrown) {
        if (stopped(thrown) || this.#isFinal(thrown)) return
      }
    }
  }

  async #walk(): Promise<void> {
    const { engine, sources, clock } = this.#means
    const { version: target, files, patches, key, settings } = this.#task
    const machine = await locate(engine, this.#task)
    this.#away = undefined
    const events = await readEvents(machine)
    const history = eventsOf(events, key)
    this.#coolDown(history)
    this.#refuseOther(events)
    this.#hasNoted = false
    const confirm = async () => this.#confirm(await readEvents(machine), history.length)
    const context: Context = { machine, target, files, patches, key, settings, engine, sources, clock, confirm }
    const left = await leftOf((this.#means.plan ?? planFor)(context), context)
    for (const [i, step] of left.entries()) {
      await this.#take(step, context, history, `step ${i + 1} of ${left.length}, ${step.doing}`)
    }
    if (this.#hasNoted) await record(machine, { at: clock.now(), target: key, step: 'upgrade', event: 'ended' })
  }

  async #take(step: Step, context: Context, history: Event[], title: string): Promise<void> {
    const { clock, log } = this.#means
    const wasOpen = isOpen(history, step.name)
    const since = this.#since.get(step.name) ?? clock.now()
    const isOver = () => clock.now() - since > step.limitSeconds * 1000
    const note = (event: Event['event']) => this.#note(context, step, event)
    this.#since.set(step.name, since)
    try {
      let look = await step.done(context)
      const wasDone = look === 'done'
      if (!wasDone && step.apply) await context.confirm?.()
      if (!wasDone && !wasOpen) {
        log.info({ step: step.name }, title)
        await note('start')
      }
      while (look !== 'done') {
        this.#report(step, `${title}: waiting for ${look.waitsFor}`)
        if (isOver()) throw timeLimit(step, look)
        await this.#apply(step, context)
        await clock.sleep(lookSeconds)
        look = await step.done(context)
      }
      this.#since.delete(step.name)
      if (!wasDone || wasOpen) await note('done')
    } catch (thrown) {
      if (stopped(thrown) || thrown instanceof Final) throw thrown
      throw await this.#stopped(coded(thrown), step, context, isOver(), title)
    }
  }

  async #stopped(error: UpgradeError, step: Step, context: Context, isOver: boolean, title: string) {
    if (error.code !== 'OTHER_UPGRADE') return this.#explain(error, step, context, isOver, title)
    // The time of this step begins when its turn has come.
    this.#since.delete(step.name)
    this.#report(step, `${title}: ${error.message}`)
    return error
  }

  async #apply(step: Step, context: Context): Promise<void> {
    if (!step.apply) return
    await context.confirm?.()
    await step.apply(context)
  }

  // Ends the walk where the machine is another's to change by now: only this process's own events are known to it.
  #confirm(events: Event[], seen: number): void {
    this.#refuseOther(events)
    const failure = eventsOf(events, this.#task.key)
      .slice(seen)
      .find(({ event }) => event === 'failed')
    if (failure) throw new Final(remembered(failure))
  }

  #refuseOther(events: Event[]): void {
    const version = otherUnderWay(events, this.#task.key, this.#means.clock.now())
    if (version !== undefined) throw new UpgradeError('OTHER_UPGRADE', { machine: this.#task.container, version })
  }

  // Adds to an error what the step knows: whether its time is over, and what people are told meanwhile. It is noted
  // before the machine forgets it: another process that finds nothing under way then finds the failure.
  async #explain(met: UpgradeError, step: Step, context: Context, isOver: boolean, title: string) {
    const error = isOver ? await overdue(step, context, met) : met
    const isFinal = this.#isLast(error) || isOver
    // An engine or container that is away can note nothing; the error itself matters more.
    await this.#note(context, step, isFinal ? 'failed' : 'retry', error).catch(() => {})
    this.#report(step, `${title}: ${error.message}`)
    if (!isOver) {
      // What could not be forgotten fails once more.
      await step.forget?.(context).catch(() => {})
      return isFinal ? new Final(error) : error
    }
    try {
      await step.giveUp?.(context)
      return new Final(error)
    } catch (thrown) {
      await this.#note(context, step, 'failed', coded(thrown)).catch(() => {})
      return new Final(coded(thrown))
    }
  }

  // True when there is no use in trying again.
  #isLast(error: UpgradeError): boolean {
    const met = (this.#met.get(error.code) ?? 0) + 1
    this.#met.set(error.code, met)
    return error.answer !== 'progress' || met >= triesOf(error)
  }

  // Remembers in the machine; steps that only look leave no trace.
  async #note({ machine, key }: Context, step: Step, event: Event['event'], error?: UpgradeError): Promise<void> {
    if (!step.apply) return
    this.#hasNoted = true
    const why = error ? { code: error.code, values: error.values } : {}
    await record(machine, { at: this.#means.clock.now(), target: key, step: step.name, event, ...why })
  }

  #report(step: Step, message: string): void {
    this.progress = { phase: 'InProgress', step: step.name, message, retryAfterSeconds: step.pollSeconds }
  }

  // Decides whether trouble ends the run, and says it. Failure is for what needs a person.
  #isFinal(thrown: unknown): boolean {
    const error = thrown instanceof Final ? thrown.error : coded(thrown)
    const { clock, log } = this.#means
    const { step } = this.progress
    const about = { code: error.code, detail: error.detail, err: error.cause }
    this.#away ??= clock.now()
    const isFinal =
      thrown instanceof Final || error.answer !== 'progress' || clock.now() - this.#away > awayLimitSeconds * 1000
    if (isFinal) {
      log.error({ ...about, todo: error.todo }, error.message)
      this.progress = { phase: 'Failed', step, message: error.message, retryAfterSeconds: 0, error }
    } else {
      log.warn(about, error.message)
      if (step === '') this.progress = { ...this.progress, message: error.message, retryAfterSeconds: 5 }
    }
    return isFinal
  }

  // Says the last failure again, without touching the machine, until it is time for another attempt.
  #coolDown(history: Event[]): void {
    const last = lastFailure(history)
    if (!last) return
    const { firstSeconds, mostSeconds } = cooling
    const seconds = Math.min(firstSeconds * 2 ** (last.inARow - 1), mostSeconds)
    if (this.#means.clock.now() > last.event.at + seconds * 1000) return
    throw new Final(remembered(last.event))
  }
}

// The error of a failure that is noted in the machine.
function remembered({ code, values }: Event): UpgradeError {
  return rememberedError(code, values)
}

// A file that is wrong again and again will not get right.
function triesOf({ code }: UpgradeError): number {
  return code === 'CHECKSUM_WRONG' ? 3 : Number.POSITIVE_INFINITY
}

// An error that ends the run although its code alone would not.
class Final extends Error {
  readonly error: UpgradeError

  constructor(error: UpgradeError) {
    super(error.message, { cause: error })
    this.error = error
  }
}

function timeLimit({ name: step, limitSeconds }: Step, { waitsFor }: Exclude<Look, 'done'>): UpgradeError {
  return new UpgradeError('STEP_TIME_LIMIT', { step, minutes: String(Math.ceil(limitSeconds / 60)), waitsFor })
}

// The error of a step whose time is over.
async function overdue(step: Step, context: Context, error: UpgradeError): Promise<UpgradeError> {
  try {
    return (await step.overdue?.(context)) ?? error
  } catch {
    return error
  }
}

// The process is ending: the clock's sleeps reject, and the machine's own units go on.
function stopped(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError'
}
