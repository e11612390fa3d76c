import { nodeImage } from '../../scripts/lab/host/names.ts'
import type { Lab } from '../../scripts/lab/verbs/lab.ts'
import { type Management, managementUp } from '../../scripts/lab/verbs/management.ts'
import { createNamespace, removeClusters, untilUpToDate } from '../management/clusters.ts'
import { type Kube, type KubeObject, kubeWith } from '../management/kube.ts'
import { containerOf } from '../management/machines.ts'
import { cluster, type Shape } from '../management/workload.ts'
import { onStageOf, type Stage } from '../player/stage.ts'

// Also the namespace of its machines, which is not the extension's.
const name = 'recovery'

/**
 * Creates a cluster with some control plane machines through Cluster API, pauses it there, starts a service and runs `act`, as
 * `onStage` does. Passes the containers of the machines. Removes the cluster of an earlier run; leaves this one for inspection.
 */
export async function onMembers<T>(
  count: number,
  environment: Record<string, string>,
  act: (stage: Stage, machines: string[]) => Promise<T>,
): Promise<T> {
  const management = await managementUp()
  const kube = kubeWith(management, management.kubeconfig)
  await removeOlder(kube)
  const { prefix, from: version } = management
  const shape: Shape = { namespace: name, name: `${prefix}${name}`, version, controlPlanes: count, workers: 0 }
  await createNamespace(kube, name, name, {})
  await kube.apply(cluster(shape).filter((object) => (object as KubeObject).kind !== 'MachineDeployment'))
  const machines = await untilUpToDate(kube, shape, 'control-plane', version, 900)
  // Cluster API must not react to the upgrade.
  await pause(kube, shape.name, true)
  return onStageOf(labOf(management, shape.name, machines.map(containerOf)), environment, (stage) =>
    act(stage, machines.map(containerOf)),
  )
}

// Cluster API deletes no paused cluster.
async function removeOlder(kube: Kube): Promise<void> {
  if (!(await kube.find('namespace', name))) return
  for (const { metadata } of await kube.list<KubeObject>('clusters', `-n=${name}`)) {
    await pause(kube, metadata.name, false)
  }
  await removeClusters(kube, name)
}

async function pause(kube: Kube, called: string, paused: boolean): Promise<void> {
  await kube.patch('cluster', called, name, { spec: { paused } })
}

// There are no workers.
function labOf(management: Management, called: string, [controlPlane = '']: string[]): Lab {
  const { network, gateway, kubeconfig, from, to, arch, releases, kind } = management
  const shared = { network, gateway, kubeconfig, from, to, arch, releases, kind }
  return { ...shared, cluster: called, controlPlane, worker: '', workers: [], toImage: nodeImage(to) }
}
