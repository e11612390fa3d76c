import { AsyncLocalStorage } from 'node:async_hooks'
import { Interrupted } from './user-error.ts'

const interruptions = new AsyncLocalStorage<AbortSignal>()

/**
 * Runs `work` so that SIGINT and SIGTERM end every program that it has started and let it start no more. The work then
 * rejects with `Interrupted`. Calls may run at the same time and may be nested: a signal reaches all of them.
 */
export async function interruptible<T>(work: () => Promise<T>): Promise<T> {
  const interruption = new AbortController()
  const abort = (signal: string) => interruption.abort(new Interrupted(signal))
  process.on('SIGINT', abort).on('SIGTERM', abort)
  try {
    return await interruptions.run(interruption.signal, work)
  } finally {
    process.off('SIGINT', abort).off('SIGTERM', abort)
  }
}

/** The signal of the `interruptible` call around the caller; undefined outside of any. */
export function interruption(): AbortSignal | undefined {
  return interruptions.getStore()
}

/** Throws `Interrupted` once a signal has reached the `interruptible` call around the caller. */
export function throwIfInterrupted(): void {
  interruption()?.throwIfAborted()
}
