import { SimulatedClock } from '../../fake-docker/simulated-clock.ts'

interface Event {
  at: number
  happen: () => void
}

const begin = Date.parse('2026-01-01T00:00:00Z')

/**
 * Time of a world in which several processes sleep at once. It passes only while `run` drives it: each event has its
 * whole consequence before the next one happens.
 */
export class EventClock extends SimulatedClock {
  #now = begin
  #offset = 0
  // In the order of their times; those of one time in the order in which they were made.
  readonly #events: Event[] = []

  override now(): number {
    return this.#now + this.#offset
  }

  override monotonic(): number {
    return this.#now
  }

  override jump(seconds: number): void {
    this.#offset += seconds * 1000
  }

  override after(seconds: number, happen: () => void): void {
    const at = this.#now + seconds * 1000
    let place = this.#events.length
    while (place > 0 && (this.#events[place - 1]?.at ?? 0) > at) place -= 1
    this.#events.splice(place, 0, { at, happen })
  }

  override sleep(seconds: number): Promise<void> {
    return new Promise((resolve) => this.after(seconds, resolve))
  }

  // Without processes: what the world does by itself.
  override pass(seconds: number): void {
    const until = this.#now + seconds * 1000
    while (this.#next(until)) {}
    this.#now = until
  }

  /** Lets so many seconds pass, or fewer where `isOver` becomes true. */
  async run(seconds: number, isOver = () => false): Promise<void> {
    const until = this.#now + seconds * 1000
    await settled()
    while (!isOver()) {
      if (!this.#next(until)) {
        this.#now = until
        break
      }
      await settled()
    }
  }

  #next(until: number): boolean {
    const [next] = this.#events
    if (!next || next.at > until) return false
    this.#events.shift()
    this.#now = Math.max(this.#now, next.at)
    next.happen()
    return true
  }
}

/** When every process waits for time to pass: promises are all that moves them. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
