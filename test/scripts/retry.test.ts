import { expect, test } from 'vitest'
import { type RetryClock, retry } from '../../scripts/host/retry.ts'

// A clock that only sleeping advances. A probe may advance it too.
function manualClock(): RetryClock & { seconds: number } {
  const clock = {
    seconds: 0,
    now: () => clock.seconds * 1000,
    sleep: async (milliseconds: number) => {
      clock.seconds += milliseconds / 1000
    },
  }
  return clock
}

test('it resolves to the first result that is neither undefined nor false', async () => {
  const results = [undefined, false, 0]
  const clock = manualClock()
  expect(await retry(async () => results.shift(), { limitSeconds: 60, everySeconds: 2, clock })).toBe(0)
  expect({ left: results, seconds: clock.seconds }).toEqual({ left: [], seconds: 4 })
})

test('it resolves to undefined at the limit, after a last probe', async () => {
  const clock = manualClock()
  const probed: number[] = []
  const probe = async () => {
    probed.push(clock.seconds)
    return false as const
  }
  expect(await retry(probe, { limitSeconds: 3, everySeconds: 1, clock })).toBeUndefined()
  expect(probed).toEqual([0, 1, 2, 3])
})

test('a probe that outlasts the limit is followed by one more', async () => {
  const clock = manualClock()
  let probes = 0
  const probe = async () => {
    probes += 1
    clock.seconds += 100
    return probes === 2 ? 'ready' : undefined
  }
  expect(await retry(probe, { limitSeconds: 3, clock })).toBe('ready')
})

test('what the probe throws ends it', async () => {
  const probe = async () => {
    throw new Error('refused')
  }
  await expect(retry(probe, { limitSeconds: 3, clock: manualClock() })).rejects.toThrow('refused')
})

test('a signal ends it, before a probe and in a pause', async () => {
  const aborted = AbortSignal.abort(new Error('stopped'))
  await expect(retry(async () => true, { limitSeconds: 3, signal: aborted })).rejects.toThrow('stopped')
  const controller = new AbortController()
  const probe = async () => {
    setImmediate(() => controller.abort())
    return false as const
  }
  const retried = retry(probe, { limitSeconds: 3600, everySeconds: 3600, signal: controller.signal })
  await expect(retried).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
})
