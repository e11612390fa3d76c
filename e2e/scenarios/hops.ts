import { needVersion } from '../../scripts/lab/cluster/releases.ts'
import { ladder } from '../../scripts/lab/engine/ladder.ts'
import { nodeImage } from '../../scripts/lab/host/names.ts'
import { createCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { containerOf, machinesOf, snapshots } from '../management/machines.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import type { Shape } from '../management/workload.ts'
import { shellIn } from '../witness/exec.ts'

const limitSeconds = 2400
const state = '/var/lib/capd-kubeadm-upgrader'

/** The scenario "hops". */
export const hops: Scenario = {
  on: 'management cluster',
  proves:
    'The same machines go through every version of the ladder, one after the other; nothing that one upgrade leaves affects the next.',
  async run(run) {
    const { name, cluster } = run
    // The second hop drops the feature gate that the KubeadmControlPlane controller adds by itself. The third brings another
    // minor version of etcd.
    const { from: first, all } = await ladder()
    for (const version of all) await needVersion(version)
    // CAPD knows some versions by digest (v1.14.2, test/infrastructure/kind/mapper.go), which an image built here does not have.
    const image = nodeImage(first)
    const shape: Shape = { namespace: name, name: cluster, version: first, controlPlanes: 3, workers: 1, image }
    await createCluster(run, shape)
    for (const version of all.slice(1)) await hop(run, shape, version)
  },
}

async function hop(run: ScenarioRun, shape: Shape, version: string): Promise<void> {
  const { kube, timeline, expect, figure } = run
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
