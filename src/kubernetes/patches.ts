import { isPlainPath } from './file-places.ts'
import { valueAt } from './json.ts'
import type { Role } from './versions.ts'

const configurations = {
  'control-plane': ['initConfiguration', 'joinConfiguration'],
  worker: ['joinConfiguration'],
} as const

/**
 * The directory of kubeadm patches that a machine of this role was made with, or undefined if there is none. A control
 * plane machine was made by `kubeadm init` or by `kubeadm join`, and its KubeadmConfig may hold both configurations.
 * Source: kubeadm v1beta4, InitConfiguration and JoinConfiguration `patches.directory`.
 */
export function patchesDirectory(spec: unknown, role: Role): string | undefined {
  return patchesOf(spec, role)
    .map(({ directory }) => directory)
    .find((directory) => isPlainPath(directory))
}

/** A field that names a directory of kubeadm patches, such as `joinConfiguration.patches.directory`, and its value. */
export interface Patches {
  path: string
  directory: unknown
}

/** The directories of kubeadm patches that may be those of a machine of this role, as they are. */
export function patchesOf(spec: unknown, role: Role): Patches[] {
  return configurations[role]
    .map((configuration) => {
      const path = [configuration, 'patches', 'directory']
      return { path: path.join('.'), directory: valueAt(spec, path) }
    })
    .filter(({ directory }) => directory != null && directory !== '')
}
