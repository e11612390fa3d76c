import fc from 'fast-check'
import { test } from 'vitest'
import { histories } from './model/commands.ts'
import { play } from './model/history.ts'

// The same histories each time, so that what fails is the change. MODEL_SEED is another search, and MODEL_RUNS=100000 a
// long one. The last line of a failure has what plays its history alone again.
const { MODEL_RUNS = '300', MODEL_SEED, MODEL_PATH, MODEL_REPLAY_PATH } = process.env
const numRuns = Number(MODEL_RUNS)
const seed = Number(MODEL_SEED ?? 20_261_126)

test('whatever happens, the machine is never harmed and comes to rest', { timeout: 60_000 + numRuns * 1000 }, async ({
  annotate,
}) => {
  await annotate(`${numRuns} histories, MODEL_SEED=${seed}`)
  const property = fc.asyncProperty(histories(MODEL_REPLAY_PATH), (history) => play(history))
  const path = MODEL_PATH === undefined ? {} : { path: MODEL_PATH, endOnFailure: true }
  await fc.assert(property, { numRuns, seed, ...path })
})
