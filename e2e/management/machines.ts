import type { Role } from '../witness/role.ts'
import { type Snapshot, snapshot } from '../witness/snapshot.ts'
import type { Condition, Kube, KubeObject } from './kube.ts'

// A Machine of Cluster API.
export interface Machine extends KubeObject {
  spec: { clusterName: string; version: string; providerID?: string; bootstrap: { configRef: { name: string } } }
  status?: { phase?: string; nodeRef?: { name: string }; conditions?: Condition[] }
}

const label = 'cluster.x-k8s.io/cluster-name'

export async function machinesOf(kube: Kube, namespace: string, cluster: string, role?: Role): Promise<Machine[]> {
  const found = await kube.list<Machine>('machines', `-n=${namespace}`, `-l=${label}=${cluster}`)
  return found
    .filter((machine) => role === undefined || roleOf(machine) === role)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

export function roleOf({ metadata }: Machine): Role {
  return 'cluster.x-k8s.io/control-plane' in (metadata.labels ?? {}) ? 'control-plane' : 'worker'
}

// The container of a Machine, and the name of its Node.
export function containerOf({ metadata, spec }: Machine): string {
  const container = /^docker:\/\/\/\/(.+)$/.exec(spec.providerID ?? '')?.[1]
  if (container === undefined) throw new Error(`The Machine ${metadata.name} has no container yet.`)
  return container
}

export function condition({ status }: Machine, type: string): Condition | undefined {
  return status?.conditions?.find((found) => found.type === type)
}

export function holds(machine: Machine, type: string): boolean {
  return condition(machine, type)?.status === 'True'
}

// Machines as they are, by container; the Machine's own UID is part of what makes one the same. `all` has a control plane
// machine among them, which is asked for the Nodes.
export async function snapshots(machines: Machine[], all = machines): Promise<Map<string, Snapshot>> {
  const controlPlane = all.find((machine) => roleOf(machine) === 'control-plane' && machine.spec.providerID)
  if (!controlPlane) throw new Error('There is no control plane machine to ask.')
  const seen = new Map<string, Snapshot>()
  for (const machine of machines) {
    const found = await snapshot(containerOf(machine), containerOf(controlPlane))
    found.identity['Machine UID'] = machine.metadata.uid ?? ''
    seen.set(found.machine, found)
  }
  return seen
}
