import { retry } from '../../scripts/host/retry.ts'

/**
 * Calls `look` every so many seconds until it returns a result, and returns that. Returns undefined when the signal is aborted
 * first. An error counts as no result.
 */
export async function every<T>(
  seconds: number,
  signal: AbortSignal,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const probe = () => look().catch(() => undefined)
  try {
    return await retry(probe, { limitSeconds: Infinity, everySeconds: seconds, signal })
  } catch (thrown) {
    if (signal.aborted) return undefined
    throw thrown
  }
}
