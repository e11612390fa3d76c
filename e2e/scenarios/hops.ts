import { needVersion } from '../../scripts/lab/cluster/releases.ts'
import { nodeImage } from '../../scripts/lab/host/names.ts'
import { createCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { containerOf, machinesOf, snapshots } from '../management/machines.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import type { Shape } from '../management/workload.ts'
import { shellIn } from '../witness/exec.ts'

// A patch and two minors. The last drops the feature gate that the KubeadmControlPlane controller adds by itself.
const versions = ['v1.34.3', 'v1.34.4', 'v1.35.4', 'v1.36.3'] as const
const limitSeconds = 2400
const state = '/var/lib/capd-kubeadm-upgrader'

export const hops: Scenario = {
  proves:
    'The same machines go through a patch and two minor versions, one after the other; what a hop leaves behind never touches the next.',
  async play(play) {
    const { name, cluster } = play
    for (const version of versions) await needVersion(version)
    const [first, ...next] = versions
    // CAPD knows some versions by a digest (v1.14.2, test/infrastructure/kind/mapper.go); one that was built has another.
    const image = nodeImage(first)
    const shape: Shape = { namespace: name, name: cluster, version: first, controlPlanes: 3, workers: 1, image }
    await createCluster(play, shape)
    for (const version of next) await hop(play, shape, version)
  },
}

async function hop(play: Play, shape: Shape, version: string): Promise<void> {
  const { kube, timeline, expect, figure } = play
  const machines = await machinesOf(kube, shape.namespace, shape.name)
  const before = await snapshots(machines)
  for (const role of ['control-plane', 'worker'] as const) {
    timeline.note(`${role} machines to ${version}`)
    const begun = performance.now()
    await setVersion(kube, shape, role, version)
    await untilUpToDate(kube, shape, role, version, limitSeconds)
    figure(`${role} to ${version}, seconds`, ((performance.now() - begun) / 1000).toFixed(0))
  }
  const now = await machinesOf(kube, shape.namespace, shape.name)
  for (const problem of await wrongWith(now, before, version)) expect(false, problem)
  for (const container of now.map(containerOf)) {
    const left = await shellIn(
      container,
      `ls ${state}; systemctl list-units --all --plain --no-legend 'capd-kubeadm-upgrader-*'`,
    )
    expect(left === 'attempt.json', `${container}: left behind after ${version}: ${left}`)
  }
}
