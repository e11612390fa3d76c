import { expect, test } from 'vitest'
import { until } from '../../../e2e/management/until.ts'
import { manualClock } from '../../scripts/manual-clock.ts'

test('an error counts as no result', async () => {
  const clock = manualClock()
  const check = async () => {
    if (clock.seconds < 2) throw new Error('refused')
    return clock.seconds
  }
  expect(await until('the API server responds', 60, check, undefined, clock)).toBe(2)
})

test('at the limit it throws what was waited for, the last error and the state', async () => {
  const check = async () => {
    throw new Error('refused\nmore')
  }
  const waiting = until('the API server responds', 3, check, async () => 'two machines', manualClock())
  await expect(waiting).rejects.toThrow(
    new Error('the API server responds: timed out after 3 s (refused)\ntwo machines'),
  )
})

test('an error before the last check is not reported, nor is a state that cannot be read', async () => {
  const clock = manualClock()
  const check = async () => {
    if (clock.seconds < 2) throw new Error('refused')
    return false as const
  }
  const state = () => Promise.reject(new Error('refused'))
  await expect(until('a machine is gone', 3, check, state, clock)).rejects.toThrow(
    new Error('a machine is gone: timed out after 3 s'),
  )
})
