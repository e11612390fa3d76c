import { createOld, upgradeByRollout } from '../management/measured-upgrade.ts'
import type { Scenario } from '../management/scenario.ts'

export const rollout: Scenario = {
  on: 'management cluster',
  proves:
    'The same upgrade as in-place, measured alike, in a namespace that the ExtensionConfig does not select: every machine is replaced, and the updater touches none. It is there to be compared with.',
  async run(run) {
    await upgradeByRollout(run, await createOld(run, {}))
  },
}
