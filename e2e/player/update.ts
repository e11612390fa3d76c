import { setTimeout as sleep } from 'node:timers/promises'
import { type Json, post } from './cluster-api.ts'
import type { Service } from './service.ts'

export interface Moment {
  // Seconds since the first call.
  at: number
  message: string
}

interface Options {
  tell: (moment: Moment) => void
  signal?: AbortSignal
  limitSeconds?: number
}

export interface Update {
  calls: number
  seconds: number
  timeline: Moment[]
}

// Polls UpdateMachine as Cluster API does, until it says done: `retryAfterSeconds` 0. Throws when it says Failure,
// or when `limitSeconds` have passed; `tell` hears every new message.
export async function untilUpdated(
  service: Service,
  path: string,
  request: Json,
  { tell, signal, limitSeconds = 1800 }: Options,
): Promise<Update> {
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const timeline: Moment[] = []
  for (let calls = 1; ; calls++) {
    const { message, retryAfterSeconds } = await post(service, path, request)
    if (timeline.at(-1)?.message !== message) {
      const moment = { at: elapsed(), message: String(message) }
      timeline.push(moment)
      tell(moment)
    }
    if (Number(retryAfterSeconds) <= 0) return { calls, seconds: elapsed(), timeline }
    if (elapsed() > limitSeconds) throw new Error(`not done after ${limitSeconds} s: ${message}`)
    await sleep(Number(retryAfterSeconds) * 1000, undefined, { ...(signal && { signal }) })
  }
}
