import { attempt } from '../../host/subprocess.ts'
import { kindNetwork, workloadPrefix } from '../host/names.ts'
import { type MachineContainer, machines, machinesOn, removeMachines } from './machines.ts'

/**
 * Removes a management cluster with the machines that it has created, which no other program removes. It goes first,
 * because it would create its machines again.
 */
export async function removeManagementCluster(management: string): Promise<void> {
  const isWorkload = await workloadFilter(management)
  await removeMachines(await machines({ name: management, network: kindNetwork }))
  await removeMachines((await machinesOn(kindNetwork)).filter(isWorkload))
}

/** The machines and load balancers of the clusters that a management cluster has created. */
export async function workloadMachines(management: string): Promise<MachineContainer[]> {
  return (await machinesOn(kindNetwork)).filter(await workloadFilter(management))
}

// Docker does not record which management cluster has created a container, so the management cluster lists its clusters.
// Clusters that are named after it are known even when it does not answer.
async function workloadFilter(management: string): Promise<(machine: MachineContainer) => boolean> {
  const kubectl = ['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf']
  const get = ['get', 'clusters.cluster.x-k8s.io', '--all-namespaces', '--output=jsonpath={.items[*].metadata.name}']
  const names = await attempt`docker exec ${management}-control-plane ${kubectl} ${get}`
  const clusters = names?.split(' ') ?? []
  return ({ cluster }) =>
    cluster !== '' && (clusters.includes(cluster) || cluster.startsWith(workloadPrefix(management)))
}
