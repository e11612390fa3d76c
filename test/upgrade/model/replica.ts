import { UpgradeError } from '../../../src/errors/upgrade-error.ts'
import type { Engine, ExecOptions, ExecResult, Helper } from '../../../src/machine/engine.ts'
import { memberObserver } from '../../../src/upgrade/members.ts'
import { nodeImages } from '../../../src/upgrade/node-image-pulls.ts'
import type { Progress } from '../../../src/upgrade/progress.ts'
import type { Sources } from '../../../src/upgrade/step.ts'
import type { Task } from '../../../src/upgrade/task.ts'
import { createUpgrades, type Upgrades } from '../../../src/upgrade/upgrades.ts'
import { silent } from '../../fake-docker/lab.ts'
import type { PlannedExec } from './faults.ts'
import type { Call } from './interceptor.ts'
import type { ModelWorld } from './world.ts'

// Trouble with longer pauses between is another trouble.
const chainSeconds = 120

/** One process of the service, until it dies. */
export class Replica {
  readonly index: number
  isAlive = true
  /** Since when its calls of the engine have gone wrong without a longer pause, and until when; monotonic ms. */
  trouble = { since: 0, until: 0 }
  readonly #world: ModelWorld
  readonly #upgrades: Upgrades
  #calls = 0
  readonly #died = Promise.withResolvers<undefined>()

  constructor(world: ModelWorld, index: number) {
    this.index = index
    this.#world = world
    const { clock, sources } = world
    const sleep = (seconds: number) => this.#living(clock.sleep(seconds))
    const ours = {
      now: () => clock.now(),
      monotonic: () => world.mutation.monotonic?.(clock) ?? clock.monotonic(),
      sleep,
    }
    const engine = this.#engine()
    const members = memberObserver(engine, ours)
    const images = nodeImages({ engine, clock: ours, log: silent, stop: new AbortController().signal })
    this.#upgrades = createUpgrades({ engine, members, images, clock: ours, sources: sources as Sources, log: silent })
  }

  /** As kill -9: what it has requested goes on, and no one gets the answer. */
  kill(): void {
    this.isAlive = false
    this.#died.resolve(undefined)
  }

  /** One call of the hook: start, then sync. Undefined where no process answers. */
  async call(task: Task): Promise<Progress | undefined> {
    if (!this.isAlive) return undefined
    this.#upgrades.start(task)
    const answer = await Promise.race([this.#upgrades.sync(task), this.#died.promise])
    return this.isAlive && answer ? { ...answer } : undefined
  }

  #engine(): Engine {
    const { base } = this.#world
    return {
      ping: () => this.#living(this.#reached(base.ping)),
      inspect: (name) => this.#living(this.#reached(() => base.inspect(name))),
      list: (labels) => this.#living(this.#reached(() => base.list(labels))),
      file: (name, path) => this.#living(this.#reached(() => base.file(name, path))),
      findImage: (...image) => this.#living(this.#reached(() => base.findImage(...image))),
      pull: (...image) => this.#living(this.#reached(() => base.pull(...image))),
      helper: (helper) => this.#living(this.#reached(() => this.#helper(helper))),
      exec: (name, argv, options = {}) => this.#living(this.#reached(() => this.#exec(name, argv, options))),
    }
  }

  // The dead hear nothing.
  async #living<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } finally {
      if (!this.isAlive) await new Promise<never>(() => {})
    }
  }

  async #reached<T>(ask: () => Promise<T>): Promise<T> {
    const isAway = this.#world.faults.has(this.index === 0 ? 'engine away 0' : 'engine away 1')
    if (isAway) return this.#lost()
    try {
      return await ask()
    } catch (thrown) {
      this.#note()
      throw thrown
    }
  }

  async #exec(name: string, argv: string[], options: ExecOptions): Promise<ExecResult> {
    const isSubject = name === this.#world.machine.name
    const at = argv[3] === 'change.sh' ? 'change' : 'look'
    if (isSubject && this.#world.interceptor) {
      const call = { replica: this.index, argv }
      const perform = () => this.#perform(name, argv, options)
      return this.#intercepted(call, perform, () => this.#world.cut(name, argv, options, argv[8] !== 'begin'))
    }
    const planned = isSubject ? this.#world.faults.take(this.index, at) : undefined
    if (!planned) {
      const delay = isSubject ? this.#delay() : 0
      if (delay > 0) await this.#world.clock.sleep(delay)
      return this.#perform(name, argv, options)
    }
    const limit = options.timeoutSeconds ?? 30
    switch (planned.fault) {
      case 'slow before':
        await this.#wait(planned, limit)
        return this.#perform(name, argv, options)
      case 'slow after': {
        const answer = await this.#perform(name, argv, options)
        await this.#wait(planned, limit)
        return answer
      }
      case 'lost before':
        return this.#lost()
      case 'lost after':
        await this.#perform(name, argv, options)
        return this.#lost()
      case 'error':
        this.#note()
        return { exitCode: 1, stdout: '', stderr: 'no\n' }
      case 'killed before the record':
      case 'killed after the record':
        this.#note()
        return this.#world.cut(name, argv, options, planned.fault === 'killed after the record')
    }
  }

  #delay(): number {
    const delays = this.#world.kind.delays?.[this.index] ?? []
    this.#calls += 1
    return delays[this.#calls % delays.length] ?? 0
  }

  #helper(helper: Helper): Promise<void> {
    const perform = () => this.#world.base.helper(helper)
    return this.#intercepted({ replica: this.index, argv: helper.argv }, perform, perform)
  }

  // The call is lost where it meets a fault that began just before it, or just after it.
  async #intercepted<T>(call: Call, perform: () => Promise<T>, cut: () => Promise<T>): Promise<T> {
    const { interceptor } = this.#world
    const isCut = interceptor?.before(call) === 'cut'
    this.#meetFault()
    const answer = await (isCut ? cut() : perform())
    interceptor?.after(call)
    this.#meetFault()
    return answer
  }

  #meetFault(): void {
    const { machine, faults } = this.#world
    if (!this.isAlive || faults.has(this.index === 0 ? 'engine away 0' : 'engine away 1')) this.#lost()
    if (machine.kubelet.pid === 0) throw new UpgradeError('CONTAINER_STOPPED', { name: machine.name })
  }

  async #perform(name: string, argv: string[], options: ExecOptions): Promise<ExecResult> {
    const answer = await this.#world.perform(name, argv, options)
    if (answer.exitCode !== 0) this.#note()
    return answer
  }

  // The command is ended at its time limit: then it has no effect, or no answer.
  async #wait({ seconds }: PlannedExec, limit: number): Promise<void> {
    await this.#world.clock.sleep(Math.min(seconds, limit))
    if (seconds < limit) return
    this.#note()
    throw new UpgradeError('EXEC_TIME_LIMIT', { command: 'a slow one' })
  }

  #lost(): never {
    this.#note()
    throw new UpgradeError('ENGINE_UNREACHABLE')
  }

  #note(): void {
    const now = this.#world.clock.monotonic()
    const isNew = now - this.trouble.until > chainSeconds * 1000
    this.trouble = { since: isNew ? now : this.trouble.since, until: now }
  }
}
