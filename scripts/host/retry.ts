import { setTimeout as sleep } from 'node:timers/promises'

/** The time as a retry knows it. Tests pass a clock that they advance themselves. */
export interface RetryClock {
  /** Milliseconds since any fixed moment. It never goes back, unlike the wall clock. */
  now: () => number
  sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>
}

/** How long and how often to probe. */
export interface RetryOptions {
  /** Limit in seconds. The last probe starts when it has passed, so that there is always at least one. */
  limitSeconds: number
  /** Pause between the end of a probe and the start of the next one, in seconds. */
  everySeconds?: number
  /** Ends the pause, and rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  clock?: RetryClock
}

const systemClock: RetryClock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { ...(signal && { signal }) }),
}

/**
 * Probes until the result is neither undefined nor false, and resolves to it. Resolves to undefined when the limit has
 * passed. What the probe throws ends the retry.
 */
export async function retry<T>(
  probe: () => Promise<T | undefined | false>,
  options: RetryOptions,
): Promise<T | undefined> {
  const { limitSeconds, everySeconds = 0.5, signal, clock = systemClock } = options
  const end = clock.now() + limitSeconds * 1000
  for (;;) {
    signal?.throwIfAborted()
    const isLast = clock.now() >= end
    const result = await probe()
    if (result !== undefined && result !== false) return result
    if (isLast) return undefined
    await clock.sleep(everySeconds * 1000, signal)
  }
}
