import type { SteadyClock } from '../../src/machine/clock.ts'

/** A clock that goes on only when a test lets it. */
export class ManualClock implements SteadyClock {
  #now = 0
  readonly #sleepers = new Set<{ at: number; wake: () => void }>()

  seconds(): number {
    return this.#now
  }

  // How many wait for time to pass.
  get sleepers(): number {
    return this.#sleepers.size
  }

  // How many seconds pass until the first of them wakes.
  get next(): number {
    return Math.min(...[...this.#sleepers].map(({ at }) => at - this.#now))
  }

  sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.#now + seconds, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason)
      })
    })
  }

  pass(seconds: number): void {
    this.#now += seconds
    for (const sleeper of this.#sleepers) {
      if (sleeper.at > this.#now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
}
