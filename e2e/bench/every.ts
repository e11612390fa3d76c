import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Calls `look` every so many seconds until it returns a result, and returns that. Returns undefined when the signal is aborted
 * first. An error counts as no result.
 */
export async function every<T>(
  seconds: number,
  signal: AbortSignal,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  while (!signal.aborted) {
    const result = await look().catch(() => undefined)
    if (result !== undefined) return result
    await sleep(seconds * 1000, undefined, { signal }).catch(() => {})
  }
  return undefined
}
