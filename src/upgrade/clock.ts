import { setTimeout as wait } from 'node:timers/promises'

/** Time as this process sees it; tests put their own in its place. */
export interface Clock {
  /** Milliseconds since 1970. It jumps when the clock is set, so nothing is measured with it. */
  now(): number
  /** Milliseconds since some moment, which no change of the clock moves: for limits and ages. */
  monotonic(): number
  /** Rejects with an AbortError when the process ends or, where a signal is passed, as soon as that one is given. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>
}

/** The real clock. Its sleeps reject as soon as the signal is given, which ends everything that waits on them. */
export function systemClock(stop: AbortSignal): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (seconds, signal) =>
      wait(seconds * 1000, undefined, { signal: signal ? AbortSignal.any([stop, signal]) : stop }),
  }
}

/** True for what a sleep rejects with: the process is ending, and the machines' own units go on. */
export function isStopped(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError'
}
