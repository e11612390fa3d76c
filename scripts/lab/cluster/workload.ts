import { tryDocker } from '../engine/docker.ts'
import { kindNetwork, workloadPrefix } from '../host/names.ts'
import { type Machine, machines, machinesOn, removeMachines } from './machines.ts'

// Removes a management cluster with the machines that it made: nothing else would ever remove those. Itself first,
// or it would make new ones.
export async function removeManagement(management: string) {
  const made = await workloadClusters(management)
  await removeMachines(await machines({ name: management, network: kindNetwork }))
  await removeMachines((await machinesOn(kindNetwork)).filter(made))
}

// Machines and load balancers of the clusters that a management cluster made.
export async function workloadMachines(management: string): Promise<Machine[]> {
  return (await machinesOn(kindNetwork)).filter(await workloadClusters(management))
}

// Docker keeps nothing of who made a container: the management cluster is asked for its clusters. Those that are named
// after it are known without an answer.
async function workloadClusters(management: string): Promise<(machine: Machine) => boolean> {
  const kubectl = `exec ${management}-control-plane kubectl --kubeconfig=/etc/kubernetes/admin.conf`
  const get = 'get clusters.cluster.x-k8s.io --all-namespaces --output'
  const names =
    (await tryDocker(`${kubectl} ${get}`, ['jsonpath={.items[*].metadata.name}']))?.split(' ').filter(Boolean) ?? []
  return ({ cluster }) => names.includes(cluster) || cluster.startsWith(workloadPrefix(management))
}
