import { run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import { removeContainers } from '../engine/containers.ts'

/** A container that is a machine of a kind cluster or of Cluster API's Docker provider. */
export interface MachineContainer {
  name: string
  /** As Docker has it: running, paused, exited, … */
  state: string
  /** The cluster that it belongs to. */
  cluster: string
  /** Its Docker network. */
  network: string
}

// The label of kind, which Cluster API's Docker provider uses too.
const clusterLabel = 'io.x-k8s.kind.cluster'

/** The machines of a cluster. Throws `UserError` when a cluster of this name is on another network: it is not the lab's. */
export async function machines(cluster: { name: string; network: string }): Promise<MachineContainer[]> {
  const found = await list(`label=${clusterLabel}=${cluster.name}`)
  const foreign = found.find(({ network }) => network !== cluster.network)
  if (!foreign) return found
  const next = 'choose another name with UPGRADER_LAB_CLUSTER'
  const where = `on network ${foreign.network}`
  throw new UserError(`There is a kind cluster "${cluster.name}" that is not the lab's, ${where}.`, next)
}

/** The machines on a Docker network, of any cluster, and all other containers there. */
export function machinesOn(network: string): Promise<MachineContainer[]> {
  return list(`network=${network}`)
}

/** Removes machines, running or not, with their volumes. */
export async function removeMachines(found: MachineContainer[]): Promise<void> {
  await removeContainers(found.map(({ name }) => name))
}

async function list(filter: string): Promise<MachineContainer[]> {
  const format = `{{.Names}}\t{{.State}}\t{{.Label "${clusterLabel}"}}\t{{.Networks}}`
  const lines = (await run`docker ps --all --filter ${filter} --format ${format}`).split('\n').filter(Boolean)
  return lines.map((line) => {
    const [name = '', state = '', cluster = '', network = ''] = line.split('\t')
    return { name, state, cluster, network }
  })
}
