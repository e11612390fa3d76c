import { expect, test } from 'vitest'
import { readAssignments } from '../../../e2e/cli/assignments.ts'

test('the last value of a key wins, and a value may have "="', () => {
  expect(readAssignments(['a=1', 'b=x=y', 'a=', 'c=2'])).toEqual({ a: '', b: 'x=y', c: '2' })
})

test.each(['a', '=1', ''])('%j is refused', (word) => {
  expect(() => readAssignments([word])).toThrow()
})
