import { expectReplaced } from '../management/expect-replaced.ts'
import { machinesOf } from '../management/machines.ts'
import { createOld, type Measured, measuredUpgrade } from '../management/measured-upgrade.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import type { Shape } from '../management/workload.ts'
import { watchExecs } from '../witness/engine-execs.ts'

export const rollout: Scenario = {
  proves:
    'The same upgrade as in-place, measured alike, in a namespace that the ExtensionConfig does not select: every machine is replaced, and the updater touches none. It is there to be compared with.',
  async play(play) {
    await upgradeByRollout(play, await createOld(play, {}))
  },
}

/** Upgrades the cluster, measures it, and expects that every machine is replaced. */
export async function upgradeByRollout(play: Play, shape: Shape): Promise<Measured> {
  const { kube, site } = play
  const old = await machinesOf(kube, shape.namespace, shape.name)
  const execs = watchExecs(shape.name)
  const measured = await measuredUpgrade(play, shape)
  await expectReplaced(play, old, measured.machines, { execs: await execs(), version: site.management.to })
  return measured
}
