import { expect, test } from 'vitest'
import { systemClock } from '../../src/upgrade/clock.ts'

test('a sleep ends at once, and badly, when the process is to end', async () => {
  const stop = new AbortController()
  const sleep = systemClock(stop.signal).sleep(3600)
  stop.abort()
  await expect(sleep).rejects.toMatchObject({ name: 'AbortError' })
})

test('nobody sleeps in a process that is ending', async () => {
  await expect(systemClock(AbortSignal.abort()).sleep(3600)).rejects.toMatchObject({ name: 'AbortError' })
})
