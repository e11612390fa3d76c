import { setTimeout as wait } from 'node:timers/promises'

/** A monotonic clock, for limits and durations. Changes of the wall clock do not move it. */
export interface SteadyClock {
  /** Seconds since an arbitrary moment in the past. */
  seconds(): number
  /** Resolves after the given seconds. Rejects with an AbortError as soon as the signal aborts. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>
}

/** The monotonic clock of this process. */
export const steadyClock: SteadyClock = {
  seconds: () => performance.now() / 1000,
  sleep: (seconds, signal) => wait(seconds * 1000, undefined, { signal }),
}
