import type { KubeObject } from '../contract/objects.ts'
import type { Role } from '../kubernetes/versions.ts'
import { fieldTable } from './fields/table.ts'
import { knownObjection, treeOf, type Unsupported, unknownField } from './presence.ts'

const kubeadmConfig = treeOf(fieldTable.KubeadmConfig)
const machines = { DevMachine: treeOf(fieldTable.DevMachine), DockerMachine: treeOf(fieldTable.DockerMachine) }

/**
 * The first field of a KubeadmConfig's spec that an update in place of a machine of this role would lose or could not
 * finish with, or undefined. CanUpdate declines such a machine whatever changes, and UpdateMachine refuses it.
 */
export function configObjection(spec: unknown, role: Role): Unsupported | undefined {
  const holder = { spec, role }
  return knownObjection(kubeadmConfig, holder) ?? unknownField(kubeadmConfig, holder)
}

/**
 * The same of an infrastructure machine, or of the template of one, whose spec this is. A field that is not known does
 * not matter: the container stays as it was made.
 */
export function infrastructureObjection({ kind }: KubeObject, spec: unknown, role: Role): Unsupported | undefined {
  const tree = kind.startsWith('Dev') ? machines.DevMachine : machines.DockerMachine
  return knownObjection(tree, { spec, role })
}
