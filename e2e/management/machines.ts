import type { Role } from '../witness/role.ts'
import { type Snapshot, snapshot } from '../witness/snapshot.ts'
import type { ApiObject, Condition, Kube } from './kube.ts'

/** A Machine of Cluster API. */
export interface CapiMachine extends ApiObject {
  spec: { clusterName: string; version: string; providerID?: string; bootstrap: { configRef: { name: string } } }
  status?: { phase?: string; nodeRef?: { name: string }; conditions?: Condition[] }
}

const label = 'cluster.x-k8s.io/cluster-name'

/** Lists the Machines of a cluster, and of a role if given, by name. */
export async function machinesOf(kube: Kube, namespace: string, cluster: string, role?: Role): Promise<CapiMachine[]> {
  const found = await kube.list<CapiMachine>('machines', `-n=${namespace}`, `-l=${label}=${cluster}`)
  return found
    .filter((machine) => role === undefined || roleOf(machine) === role)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

/** The role of a Machine, from its labels. */
export function roleOf({ metadata }: CapiMachine): Role {
  return 'cluster.x-k8s.io/control-plane' in (metadata.labels ?? {}) ? 'control-plane' : 'worker'
}

/** The container of a Machine, which is also the name of its Node. Throws when the Machine has no providerID. */
export function containerOf({ metadata, spec }: CapiMachine): string {
  const container = /^docker:\/\/\/\/(.+)$/.exec(spec.providerID ?? '')?.[1]
  if (container === undefined) throw new Error(`The Machine ${metadata.name} has no container yet.`)
  return container
}

/** A condition of a Machine; undefined when it is not set. */
export function condition({ status }: CapiMachine, type: string): Condition | undefined {
  return status?.conditions?.find((found) => found.type === type)
}

/** Reports whether a condition of a Machine is True. */
export function isTrue(machine: CapiMachine, type: string): boolean {
  return condition(machine, type)?.status === 'True'
}

/**
 * Takes snapshots of machines, by container. The Machine's UID is part of their identity. `all` includes a control plane
 * machine, through which the Nodes are read.
 */
export async function snapshots(machines: CapiMachine[], all = machines): Promise<Map<string, Snapshot>> {
  const controlPlane = all.find((machine) => roleOf(machine) === 'control-plane' && machine.spec.providerID)
  if (!controlPlane) throw new Error('There is no control plane machine to read the Nodes through.')
  const seen = new Map<string, Snapshot>()
  for (const machine of machines) {
    const found = await snapshot(containerOf(machine), containerOf(controlPlane))
    found.identity['Machine UID'] = machine.metadata.uid ?? ''
    seen.set(found.machine, found)
  }
  return seen
}
