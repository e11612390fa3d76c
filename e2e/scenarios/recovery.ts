import type { Scenario } from '../management/scenario.ts'
import { playRows } from '../recovery/play-rows.ts'

/** The scenario "recovery". */
export const recovery: Scenario = {
  on: 'lab',
  proves:
    'Whatever breaks at a boundary of a step, on a worker or on a control plane machine, the upgrade ends by itself once the fault is over: nothing is done twice, nothing is left behind, and no machine stays between two versions.',
  async run({ expect, options }) {
    for (const problem of await playRows(options)) expect(false, problem)
  },
}
