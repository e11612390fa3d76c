import { expect, test } from 'vitest'
import { every } from '../../../e2e/bench/every.ts'

test('an error counts as no result', async () => {
  const results = [new Error('refused'), undefined, 3]
  const look = async () => {
    const result = results.shift()
    if (result instanceof Error) throw result
    return result
  }
  expect(await every(0, new AbortController().signal, look)).toBe(3)
})

test('it returns undefined when the signal is aborted, before a look and in a pause', async () => {
  const controller = new AbortController()
  const look = async () => {
    setImmediate(() => controller.abort())
    return undefined
  }
  expect(await every(3600, controller.signal, look)).toBeUndefined()
  expect(await every(3600, controller.signal, async () => 1)).toBeUndefined()
})
