import { isPlainPath } from './file-places.ts'
import { valueAt } from './json.ts'
import type { Role } from './versions.ts'

const configurations = {
  'control-plane': ['initConfiguration', 'joinConfiguration'],
  worker: ['joinConfiguration'],
} as const

/**
 * The directory of kubeadm patches in the KubeadmConfig of a machine, or undefined if there is none. A control plane
 * machine was created by `kubeadm init` or `kubeadm join`, and its KubeadmConfig may have both configurations.
 * Source: kubeadm v1beta4, InitConfiguration and JoinConfiguration `patches.directory`.
 */
export function patchesDirectory(spec: unknown, role: Role): string | undefined {
  return configurations[role]
    .map((configuration) => valueAt(spec, [configuration, 'patches', 'directory']))
    .find((directory) => isPlainPath(directory))
}
