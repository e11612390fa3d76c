import { isPlainPath } from '../kubernetes/file-places.ts'
import { valueAt } from '../kubernetes/json.ts'
import { patchesOf } from '../kubernetes/patches.ts'
import type { Role } from '../kubernetes/versions.ts'

/** A field of a KubeadmConfig's spec that an update in place cannot honor, and the reason. */
export interface Unsupported {
  path: string
  why: string
}

/**
 * The first field of a KubeadmConfig's spec that an update in place of a machine of this role would lose or could not
 * finish with, or undefined. CanUpdate declines such a machine whatever changes, and UpdateMachine refuses it.
 */
export function configObjection(spec: unknown, role: Role): Unsupported | undefined {
  return patchesObjection(spec, role) ?? etcdObjection(spec, role)
}

// kubeadm is given one directory, and its path becomes an argument.
function patchesObjection(spec: unknown, role: Role): Unsupported | undefined {
  const found = patchesOf(spec, role)
  const unclean = found.find(({ directory }) => !isPlainPath(directory))
  if (unclean) return { path: unclean.path, why: 'it is not an absolute, clean path in plain characters' }
  const [first, second] = found
  if (second && second.directory !== first?.directory) {
    return { path: second.path, why: 'initConfiguration names another directory' }
  }
  return undefined
}

// The members of an external etcd are on other machines, which this service does not know.
function etcdObjection(spec: unknown, role: Role): Unsupported | undefined {
  const path = ['clusterConfiguration', 'etcd', 'external']
  if (role === 'worker' || valueAt(spec, path) == null) return undefined
  return { path: path.join('.'), why: 'an external etcd is not looked at before a control plane machine is updated' }
}
