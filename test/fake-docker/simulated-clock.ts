import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../src/upgrade/clock.ts'

interface Event {
  at: number
  happen: () => void
}

// Longer than any step may take. A walk that goes on beyond it would go on indefinitely.
const horizonSeconds = 48 * 3600

// Time of a simulated world. It passes only while a caller sleeps, and then at once.
export class SimulatedClock implements Clock {
  // How much of it passes in one second of sleep: with more, a long wait takes fewer looks.
  pace = 1
  #now = Date.parse('2026-01-01T00:00:00Z')
  // How far the wall clock was set away from time that passes.
  #offset = 0
  #end = this.#now + horizonSeconds * 1000
  #events: Event[] = []
  #stopped = false

  now(): number {
    return this.#now + this.#offset
  }

  monotonic(): number {
    return this.#now
  }

  // Someone sets the wall clock.
  jump(seconds: number): void {
    this.#offset += seconds * 1000
  }

  async sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    await nextTurn()
    signal?.throwIfAborted()
    if (this.#stopped || this.#now > this.#end) throw new DOMException('the clock has stopped', 'AbortError')
    this.pass(seconds * this.pace)
  }

  // What the world does by itself, in so many seconds.
  after(seconds: number, happen: () => void): void {
    this.#events.push({ at: this.#now + seconds * 1000, happen })
  }

  pass(seconds: number): void {
    const until = this.#now + seconds * 1000
    for (let next = this.#takeBefore(until); next; next = this.#takeBefore(until)) {
      this.#now = Math.max(this.#now, next.at)
      next.happen()
    }
    this.#now = until
  }

  // Sleeps reject from now on, as those of a process that is ending.
  stop(): void {
    this.#stopped = true
  }

  // Time goes on, as for the next process.
  resume(): void {
    this.#stopped = false
  }

  #takeBefore(until: number): Event | undefined {
    const [next] = this.#events.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)
    this.#events = this.#events.filter((event) => event !== next)
    return next
  }
}
