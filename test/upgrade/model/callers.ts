import type { Progress } from '../../../src/upgrade/progress.ts'
import { hasCode } from './answers.ts'
import { taskFor, type Wish } from './wish.ts'
import type { ModelWorld } from './world.ts'

/** Which replica answers a caller's calls: always the same one, or one after the other. */
export type Route = 0 | 1 | 'both'

// As Cluster API waits after an error or a Failure: from a second to 1,000.
const longestSeconds = 1000

/** Calls the hook for one wish as Cluster API does, until it is done. */
export class Caller {
  wish: Wish | undefined
  answer: Progress | undefined
  /** Since when its answers are those of an upgrade that goes well, in monotonic milliseconds. */
  untroubledSince: number | undefined
  readonly #world: ModelWorld
  #generation = 0
  #calls = 0

  constructor(world: ModelWorld) {
    this.#world = world
  }

  get isDone(): boolean {
    return this.answer?.phase === 'Done'
  }

  request(wish: Wish, route: Route): void {
    this.withdraw()
    this.wish = wish
    void this.#callAgain(wish, route)
  }

  withdraw(): void {
    this.wish = undefined
    this.answer = undefined
    this.untroubledSince = undefined
    this.#generation += 1
  }

  async #callAgain(wish: Wish, route: Route): Promise<void> {
    const world = this.#world
    const generation = this.#generation
    let backoff = 0.5
    while (generation === this.#generation) {
      const answer = await this.#call(wish, route)
      if (generation !== this.#generation) return
      this.#take(answer)
      if (answer?.phase === 'Done') return
      const isUnderWay = answer?.phase === 'InProgress'
      backoff = isUnderWay ? 0.5 : Math.min(2 * backoff, longestSeconds)
      await world.clock.sleep(isUnderWay ? answer.retryAfterSeconds : backoff)
    }
  }

  #take(answer: Progress | undefined): void {
    if (!answer) return
    const isTroubled = answer.phase !== 'InProgress' || hasCode(answer)
    if (isTroubled) this.untroubledSince = undefined
    else this.untroubledSince ??= this.#world.clock.monotonic()
    if (answer.message !== this.answer?.message) this.#world.tell(`    ${answer.message}`)
    this.answer = answer
    this.#world.answered(this, answer)
  }

  // A Service sends a call to a process that lives.
  async #call(wish: Wish, route: Route): Promise<Progress | undefined> {
    this.#calls += 1
    const index = route === 'both' ? this.#calls % 2 : route
    const [first, second] = [this.#world.replicas[index], this.#world.replicas[1 - index]]
    const replica = first?.isAlive ? first : second
    const answer = await replica?.call(taskFor(this.#world.machine.name, wish, this.#world.kind.exchange))
    if (answer && replica) this.#world.answeredBy(replica, answer)
    return answer
  }
}
