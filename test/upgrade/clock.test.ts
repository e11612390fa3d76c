import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/upgrade/clock.ts'

test('a sleep ends at once, and badly, when the process is to end', async () => {
  const stop = new AbortController()
  const sleep = systemClock(stop.signal).sleep(3600)
  stop.abort()
  await expect(sleep).rejects.toMatchObject({ name: 'AbortError' })
})

test('there is no sleep in a process that is ending', async () => {
  await expect(systemClock(AbortSignal.abort()).sleep(3600)).rejects.toMatchObject({ name: 'AbortError' })
})

test.each(['the sleep', 'the process'])('a sleep that can be ended ends with %s', async (whose) => {
  const [stop, enough] = [new AbortController(), new AbortController()]
  const sleep = systemClock(stop.signal).sleep(3600, enough.signal)
  const ending = whose === 'the process' ? stop : enough
  ending.abort()
  await expect(sleep).rejects.toMatchObject({ name: 'AbortError' })
})

afterEach(() => void vi.useRealTimers())

test('when someone sets the clock, the time that limits are measured with goes on as before', () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const clock = systemClock(new AbortController().signal)
  vi.setSystemTime('2026-01-01T00:00:00Z')
  const before = { now: clock.now(), monotonic: clock.monotonic() }
  vi.setSystemTime('2025-01-01T00:00:00Z')
  expect(clock.now()).toBeLessThan(before.now)
  expect(clock.monotonic()).toBeGreaterThanOrEqual(before.monotonic)
})
