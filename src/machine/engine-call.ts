import { UpgradeError } from '../errors/upgrade-error.ts'
import type { SteadyClock } from './clock.ts'

/** How many seconds the engine has for a call that only has to be answered. */
export const callSeconds = 10

/**
 * Makes one call to the engine, which ends the call when the signal is given. A call that has no answer after 10 s is
 * ended, so that it keeps no connection, and ENGINE_UNREACHABLE is thrown. What arrives all the same goes to `discard`.
 */
export async function boundedCall<T>(
  clock: SteadyClock,
  call: (abortSignal: AbortSignal) => Promise<T>,
  discard: (late: T) => void = () => {},
): Promise<T> {
  const limit = new AbortController()
  const answered = new AbortController()
  // dockerode does not reject a call that is ended in the middle of its answer.
  const late = clock.sleep(callSeconds, answered.signal).then(() => {
    const error = new UpgradeError('ENGINE_UNREACHABLE')
    limit.abort(error)
    throw error
  })
  const answer = call(limit.signal)
  try {
    return await Promise.race([answer, late])
  } catch (thrown) {
    answer.then(discard, () => {})
    throw thrown
  } finally {
    answered.abort()
    late.catch(() => {})
  }
}
