import { setTimeout as sleep } from 'node:timers/promises'

/** Looks every so many seconds until there is an answer, and gives it. Undefined where the signal comes first; an error is no answer. */
export async function every<T>(
  seconds: number,
  signal: AbortSignal,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  while (!signal.aborted) {
    const answer = await look().catch(() => undefined)
    if (answer !== undefined) return answer
    await sleep(seconds * 1000, undefined, { signal }).catch(() => {})
  }
  return undefined
}
