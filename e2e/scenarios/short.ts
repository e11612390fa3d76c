import { createOld } from '../management/measured-upgrade.ts'
import type { Scenario } from '../management/scenario.ts'
import { workersFallBack } from './fallback.ts'
import { misbehave } from './fallback-target.ts'
import { upgradeInPlace } from './in-place.ts'

export const short: Scenario = {
  proves:
    'The essence of in-place, fallback and fallback-target, on one cluster: all machines are upgraded in place, what is not covered is rolled out, and two misbehaviours do to Cluster API what is said of them.',
  async play(play) {
    const old = await createOld(play)
    await upgradeInPlace(play, old)
    const shape = { ...old, version: play.site.management.to }
    await workersFallBack(play, shape)
    for (const fault of ['decline', 'fail-at:files']) await misbehave(play, shape, fault)
  },
}
