import { interruption } from '../../host/interruption.ts'
import { retry } from '../../host/retry.ts'
import { UserError } from '../../host/user-error.ts'

/**
 * Probes twice a second until the result is neither undefined nor false, and resolves to it. Throws `UserError` after
 * `limitSeconds`: `condition` is a sentence without its full stop that has not become true, `next` what the user can do.
 */
export async function waitFor<T>(
  condition: string,
  limitSeconds: number,
  probe: () => Promise<T | undefined | false>,
  next?: string,
): Promise<T> {
  const result = await retry(probe, { limitSeconds, signal: interruption() })
  if (result === undefined) throw new UserError(`Timed out after ${limitSeconds} s: ${condition}.`, next)
  return result
}
