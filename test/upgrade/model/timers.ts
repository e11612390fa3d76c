import { setImmediate } from 'node:timers/promises'
import type { EventClock } from './event-clock.ts'

// Stands in for node:timers/promises, so that what the service waits for passes in simulated time: see model.test.ts.
let clock: EventClock | undefined

/** From now on `setTimeout` waits on this clock. */
export function waitOn(next: EventClock): void {
  clock = next
}

/** Resolves when so much simulated time has passed; the signal of its caller only saves a real timer. */
async function setTimeout(milliseconds: number): Promise<void> {
  await clock?.sleep(milliseconds / 1000)
}

export const timers = { setImmediate, setTimeout }
