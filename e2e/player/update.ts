import { setTimeout as sleep } from 'node:timers/promises'
import { type Json, post } from './cluster-api.ts'
import type { Service } from './service.ts'

/** A message of UpdateMachine that differs from the one before. */
export interface ProgressMessage {
  /** Seconds since the first call. */
  at: number
  message: string
}

interface PollOptions {
  onMessage: (message: ProgressMessage) => void
  signal?: AbortSignal
  limitSeconds?: number
}

/** A finished update. */
export interface Update {
  calls: number
  seconds: number
  messages: ProgressMessage[]
}

/**
 * Calls UpdateMachine as Cluster API does, until the response has `retryAfterSeconds` 0. Throws at a Failure, and after
 * `limitSeconds`.
 */
export async function untilUpdated(
  service: Service,
  path: string,
  request: Json,
  { onMessage, signal, limitSeconds = 1800 }: PollOptions,
): Promise<Update> {
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const messages: ProgressMessage[] = []
  for (let calls = 1; ; calls++) {
    const { message, retryAfterSeconds } = await post(service, path, request)
    if (messages.at(-1)?.message !== message) {
      const progress = { at: elapsed(), message: String(message) }
      messages.push(progress)
      onMessage(progress)
    }
    if (Number(retryAfterSeconds) <= 0) return { calls, seconds: elapsed(), messages }
    if (elapsed() > limitSeconds) throw new Error(`not done after ${limitSeconds} s: ${message}`)
    // The service names each pause, so this is no retry at an interval of the caller's.
    await sleep(Number(retryAfterSeconds) * 1000, undefined, { ...(signal && { signal }) })
  }
}
