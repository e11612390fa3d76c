import { machinesOf } from '../management/machines.ts'
import type { Scenario } from '../management/play.ts'
import { expectReplaced } from '../management/replaced.ts'
import { watchExecs } from '../management/untouched.ts'
import { createOld, measuredUpgrade } from '../management/upgrade.ts'

export const rollout: Scenario = {
  proves:
    'The same upgrade as in-place, measured alike, in a namespace that the ExtensionConfig does not select: every machine is replaced, and the updater touches none. It is there to be compared with.',
  async play(play) {
    const { kube, site } = play
    const shape = await createOld(play, {})
    const old = await machinesOf(kube, shape.namespace, shape.name)
    const execs = watchExecs(shape.name)
    const now = await measuredUpgrade(play, shape)
    await expectReplaced(play, old, now, { execs: await execs(), version: site.management.to })
  },
}
