import { setTimeout as wait } from 'node:timers/promises'

/** A clock for limits and durations: it never goes back, and does not jump when someone sets the wall clock. */
export interface SteadyClock {
  /** Seconds since some moment in the past. */
  seconds(): number
  /** Resolves after so many seconds. Rejects with an AbortError as soon as the signal is given. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>
}

export const steadyClock: SteadyClock = {
  seconds: () => performance.now() / 1000,
  sleep: (seconds, signal) => wait(seconds * 1000, undefined, { signal }),
}
