import { isPlainPath } from './desired-files.ts'
import { valueAt } from './json.ts'
import type { Role } from './versions.ts'

/** A field of a KubeadmConfig's spec that an update in place cannot honor, and the reason. */
export interface Unsupported {
  path: string
  why: string
}

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
  return directoriesOf(spec, role)[0]?.directory
}

/** Why kubeadm cannot be given the patches of this KubeadmConfig, or undefined if it can. */
export function patchesObjection(spec: unknown, role: Role): Unsupported | undefined {
  const found = patchesOf(spec, role)
  const unclean = found.find(({ directory }) => !isPlainPath(directory))
  if (unclean) return { path: unclean.path, why: 'it is not an absolute, clean path in plain characters' }
  const [first, second] = found
  if (second && second.directory !== first?.directory) {
    return { path: second.path, why: 'initConfiguration names another directory' }
  }
  return undefined
}

interface Patches {
  // Of the field, such as `joinConfiguration.patches.directory`.
  path: string
  directory: unknown
}

function patchesOf(spec: unknown, role: Role): Patches[] {
  return configurations[role]
    .map((configuration) => {
      const path = [configuration, 'patches', 'directory']
      return { path: path.join('.'), directory: valueAt(spec, path) }
    })
    .filter(({ directory }) => directory != null && directory !== '')
}

function directoriesOf(spec: unknown, role: Role) {
  return patchesOf(spec, role).filter((found): found is Patches & { directory: string } => isPlainPath(found.directory))
}
