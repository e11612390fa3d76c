import { createOld, upgradeByRollout } from '../management/measured-upgrade.ts'
import type { Scenario } from '../management/scenario.ts'

/** The scenario "rollout". */
export const rollout: Scenario = {
  on: 'management cluster',
  proves:
    'The same upgrade as in-place, measured in the same way, in a namespace that the ExtensionConfig does not select: every machine is replaced, and the updater touches none. It is the baseline.',
  async run(run) {
    await upgradeByRollout(run, await createOld(run, {}))
  },
}
