import { UpgradeError } from '../errors/upgrade-error.ts'
import type { SteadyClock } from './clock.ts'

/** The time limit of a call to the engine, in seconds. */
export const callSeconds = 10

/**
 * Makes one call to the engine. After 10 s the call is aborted, so that it holds no connection, and ENGINE_UNREACHABLE
 * is thrown. A result that arrives later is passed to `discard`.
 */
export async function boundedCall<T>(
  clock: SteadyClock,
  call: (abortSignal: AbortSignal) => Promise<T>,
  discard: (late: T) => void = () => {},
): Promise<T> {
  const limit = new AbortController()
  const answered = new AbortController()
  // dockerode does not reject a call that is aborted in the middle of its response, so the limit rejects too.
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
