import { UserError } from '../../host/user-error.ts'
import { docker, removeContainers } from '../engine/docker.ts'

export interface Machine {
  name: string
  // Docker's word: running, paused, exited, …
  state: string
  // The cluster that it belongs to, and its network.
  cluster: string
  network: string
}

// kind's label, which Cluster API's Docker provider uses, too.
const clusterLabel = 'io.x-k8s.kind.cluster'

// A cluster's machine containers. A cluster of that name that is somebody else's stops everything.
export async function machines(cluster: { name: string; network: string }): Promise<Machine[]> {
  const found = await list(`label=${clusterLabel}=${cluster.name}`)
  const foreign = found.find(({ network }) => network !== cluster.network)
  if (!foreign) return found
  const next = 'choose another name with UPGRADER_LAB_CLUSTER'
  const where = `on network ${foreign.network}`
  throw new UserError(`There is a kind cluster "${cluster.name}" that is not the lab's, ${where}.`, next)
}

export const machinesOn = (network: string) => list(`network=${network}`)

export async function removeMachines(found: Machine[]) {
  await removeContainers(found.map(({ name }) => name))
}

async function list(filter: string): Promise<Machine[]> {
  const format = `{{.Names}}\t{{.State}}\t{{.Label "${clusterLabel}"}}\t{{.Networks}}`
  const lines = (await docker(`ps --all --filter ${filter} --format`, [format])).split('\n').filter(Boolean)
  return lines.map((line) => {
    const [name = '', state = '', cluster = '', network = ''] = line.split('\t')
    return { name, state, cluster, network }
  })
}
