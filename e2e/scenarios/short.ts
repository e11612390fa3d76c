import { workersFallBack } from '../management/fallbacks.ts'
import { createOld, upgradeInPlace } from '../management/measured-upgrade.ts'
import { misbehave } from '../management/misbehaviours.ts'
import type { Scenario } from '../management/scenario.ts'

/** The scenario "short". */
export const short: Scenario = {
  on: 'management cluster',
  proves:
    'The main parts of in-place, fallback and fallback-target, on one cluster: all machines are upgraded in place, what is not covered is rolled out, and two misbehaviours have their documented effect on Cluster API.',
  async run(run) {
    const old = await createOld(run)
    await upgradeInPlace(run, old)
    const shape = { ...old, version: run.site.management.to }
    await workersFallBack(run, shape)
    for (const fault of ['decline', 'fail-at:files']) await misbehave(run, shape, fault)
  },
}
