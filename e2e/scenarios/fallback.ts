import { createCluster } from '../management/clusters.ts'
import {
  controlPlaneFallsBack,
  fallsBack,
  otherArgument,
  otherImage,
  workersFallBack,
} from '../management/fallbacks.ts'
import type { Scenario } from '../management/scenario.ts'
import { moreOf, type Shape, workersOf } from '../management/workload.ts'

const _limitSeconds = 900
const _argument = { nodeRegistration: { kubeletExtraArgs: [{ name: 'max-pods', value: '100' }] } }
const _updating = 'in-place-updates.internal.cluster.x-k8s.io/update-in-progress'

/** The scenario "fallback". */
export const fallback: Scenario = {
  on: 'management cluster',
  proves:
    'What is not covered is rolled out: another customImage and another kubelet argument on a MachineDeployment, each alone and together with a version, and an argument on a KubeadmControlPlane. The updater is called, declines, and never touches a machine.',
  async run(run) {
    const { name, cluster, site } = run
    const { from, to } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 1, more: 1 }
    await createCluster(run, shape)
    await workersFallBack(run, shape)
    await controlPlaneFallsBack(run, { ...shape, version: to })
    const [workers, more] = [workersOf(cluster), moreOf(cluster)]
    await fallsBack(run, shape, { pool: workers, to, change: await otherImage(run, shape, workers, to) })
    await fallsBack(run, shape, { pool: more, to, change: await otherArgument(run, more, to) })
  },
}
