import { setTimeout as sleep } from 'node:timers/promises'

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
): Promise<T> {
  let lastError = ''
  for (const limit = Date.now() + limitSeconds * 1000; ; await sleep(1000)) {
    try {
      const result = await check()
      if (result !== undefined && result !== false) return result
      lastError = ''
    } catch (thrown) {
      lastError = ` (${(thrown as Error).message.split('\n')[0]})`
    }
    if (Date.now() < limit) continue
    const now = (await state?.().catch(() => '')) ?? ''
    throw new Error(`${what}: timed out after ${limitSeconds} s${lastError}${now && `\n${now}`}`)
  }
}
