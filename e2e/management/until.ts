import { type RetryClock, retry } from '../../scripts/host/retry.ts'

/**
 * Calls `check` once a second until it returns neither undefined nor false, and returns its result. An error of `check`, as
 * from an API server that is away for a moment, counts as no result. Throws after `limitSeconds` what was waited for, with the
 * last error and what `state` returns.
 */
export async function until<T>(
  what: string,
  limitSeconds: number,
  check: () => Promise<T | undefined | false>,
  state?: () => Promise<string>,
  clock?: RetryClock,
): Promise<T> {
  let lastError = ''
  const probe = async () => {
    try {
      const result = await check()
      lastError = ''
      return result
    } catch (thrown) {
      lastError = ` (${(thrown as Error).message.split('\n')[0]})`
      return undefined
    }
  }
  const result = await retry(probe, { limitSeconds, everySeconds: 1, ...(clock && { clock }) })
  if (result !== undefined) return result
  const now = (await state?.().catch(() => '')) ?? ''
  throw new Error(`${what}: timed out after ${limitSeconds} s${lastError}${now && `\n${now}`}`)
}
