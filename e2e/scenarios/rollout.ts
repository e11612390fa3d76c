import { wrongWith } from '../management/judge.ts'
import { machinesOf, snapshots } from '../management/machines.ts'
import type { Scenario } from '../management/scenario.ts'
import { watchExecs } from '../management/untouched.ts'
import { createOld, measuredUpgrade } from '../management/upgrade.ts'

export const rollout: Scenario = {
  proves:
    'The same upgrade as in-place, measured alike, in a namespace that the ExtensionConfig does not select: every machine is replaced, and the updater touches none. It is there to be compared with.',
  async play(play) {
    const { kube, expect, site } = play
    const shape = await createOld(play, {})
    const old = await machinesOf(kube, shape.namespace, shape.name)
    const execs = watchExecs(shape.name)
    const now = await measuredUpgrade(play, shape)
    for (const line of await execs()) expect(false, `the updater worked in a machine: ${line}`)
    const kept = now.filter(({ metadata }) => old.some((was) => was.metadata.uid === metadata.uid))
    expect(kept.length === 0, `not replaced: ${kept.map(({ metadata }) => metadata.name).join(', ')}`)
    for (const problem of await wrongWith(now, await snapshots(now), site.management.to)) expect(false, problem)
  },
}
