import type { Scenario } from '../management/scenario.ts'
import { playShortRows } from '../recovery/play-rows.ts'

/** The scenario "recovery-short". */
export const recoveryShort: Scenario = {
  on: 'lab',
  proves: 'A few rows of recovery, within ten minutes: a killed unit, a killed service and a killed container.',
  async run({ expect }) {
    for (const problem of await playShortRows()) expect(false, problem)
  },
}
