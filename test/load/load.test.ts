import { expect, test } from 'vitest'
import { run } from './run.ts'
import { small } from './size.ts'

// Calls to the engine hang for 10 s, twice. Nothing here depends on how fast the rest is.
const patient = 15 * 60_000

test(
  'a second load, smaller than that of npm run load, does not grow the service; attacks on its memory fail',
  async () => {
    const rows = await run(small, () => {})
    // Resident memory depends on how the process was built and started, which npm run load and the image decide.
    const judged = rows.filter(({ what }) => !what.startsWith('resident memory'))
    expect(judged.filter(({ isKept }) => !isKept)).toEqual([])
    expect(judged.length).toBeGreaterThanOrEqual(10)
  },
  patient,
)
