import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../src/upgrade/clock.ts'
import type { SimulatedClock } from '../fake-docker/simulated-clock.ts'

interface Sleeper {
  at: number
  wake: () => void
}

// A clock on which many sleep at the same time: a second passes for all of them together, once none has more to do.
export class TogetherClock implements Clock {
  readonly #world: SimulatedClock
  #sleepers: Sleeper[] = []

  constructor(world: SimulatedClock) {
    this.#world = world
  }

  now(): number {
    return this.#world.now()
  }

  monotonic(): number {
    return this.#world.monotonic()
  }

  sleep(seconds: number): Promise<void> {
    return new Promise((wake) => this.#sleepers.push({ at: this.monotonic() + seconds * 1000, wake }))
  }

  // Lets so many seconds pass.
  async pass(seconds: number): Promise<void> {
    const until = this.monotonic() + seconds * 1000
    for (;;) {
      await this.#settled()
      const next = this.#sleepers.sort((one, other) => one.at - other.at)[0]
      const at = Math.min(next?.at ?? until, until)
      this.#world.pass((at - this.monotonic()) / 1000)
      if (!next || next.at > until) return
      this.#sleepers.shift()
      next.wake()
    }
  }

  // Nothing in a simulated world takes more turns than these between two sleeps.
  async #settled(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await nextTurn()
  }
}
