import type { KubeObject } from '../contract/objects.ts'
import type { Role } from '../kubernetes/versions.ts'
import { fieldTable } from './fields/table.ts'
import { knownObjection, treeOf, type Unsupported, unknownField } from './presence.ts'

const kubeadmConfig = treeOf(fieldTable.KubeadmConfig)
const machines = { DevMachine: treeOf(fieldTable.DevMachine), DockerMachine: treeOf(fieldTable.DockerMachine) }

/**
 * The first field of a KubeadmConfig's spec that an in-place update of a machine of this role would lose or could not
 * honor, or undefined. CanUpdate declines every change of such a machine, and UpdateMachine refuses it.
 */
export function configObjection(spec: unknown, role: Role): Unsupported | undefined {
  const holder = { spec, role }
  return knownObjection(kubeadmConfig, holder) ?? unknownField(kubeadmConfig, holder)
}

/**
 * The same for an infrastructure machine or template with this spec. Unknown fields are ignored, because the container
 * is not changed.
 */
export function infrastructureObjection({ kind }: KubeObject, spec: unknown, role: Role): Unsupported | undefined {
  const tree = kind.startsWith('Dev') ? machines.DevMachine : machines.DockerMachine
  return knownObjection(tree, { spec, role })
}
