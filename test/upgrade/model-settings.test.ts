import fc from 'fast-check'
import { test } from 'vitest'
import { settingsHistories } from './model/commands.ts'
import { play } from './model/history.ts'

// As in model.test.ts.
const { MODEL_RUNS = '40', MODEL_SEED } = process.env
const numRuns = Number(MODEL_RUNS)
const seed = Number(MODEL_SEED ?? 20_261_127)

test('whatever happens, an argument that was reported done is there, and the machine is never harmed', {
  timeout: 60_000 + numRuns * 6000,
}, async ({ annotate }) => {
  await annotate(`${numRuns} histories, MODEL_SEED=${seed}`)
  const property = fc.asyncProperty(settingsHistories(), (history) => play(history))
  await fc.assert(property, { numRuns, seed })
})
