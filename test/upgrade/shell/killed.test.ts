import { expect, test } from 'vitest'
import { cases } from './cases.ts'
import { killed, limit } from './disturbed.ts'

// A run that is killed leaves each file whole, old or new. The next run ends as an undisturbed one does.
test.skipIf(process.platform !== 'linux').each(cases)(
  '$script survives kill -9 at each program that it calls',
  async (one) => {
    expect(await killed(one)).toBeGreaterThan(1)
  },
  limit,
)
