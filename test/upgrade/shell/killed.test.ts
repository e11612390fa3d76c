import { describe, expect, test } from 'vitest'
import { cases } from './cases.ts'
import { killed } from './disturbed.ts'

// A run that is killed leaves each file whole, old or new. The next run ends as an undisturbed one does.
describe.skipIf(process.platform !== 'linux').each(cases)('$script', (one) => {
  test.each(['before', 'after'] as const)('survives kill -9 %s each program that it calls', async (when) => {
    expect(await killed(when, one)).toBeGreaterThan(1)
  })
})
