import { setTimeout as wait } from 'node:timers/promises'

/** The clock of this process, replaced in tests. */
export interface Clock {
  /** Milliseconds since 1970. Not for measuring: it jumps when the clock is set. */
  now(): number
  /** Monotonic milliseconds, for limits and ages. */
  monotonic(): number
  /** Resolves after the given seconds. Rejects with an AbortError when the process ends or the signal aborts. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>
}

/** The real clock. When `stop` aborts, all its sleeps reject, which ends everything that waits. */
export function systemClock(stop: AbortSignal): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (seconds, signal) =>
      wait(seconds * 1000, undefined, { signal: signal ? AbortSignal.any([stop, signal]) : stop }),
  }
}

/** True for the error of an aborted sleep. The process is ending; units in the machines continue. */
export function isStopped(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError'
}
