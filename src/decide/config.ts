import { valueAt } from '../kubernetes/json.ts'
import { patchesObjection, type Unsupported } from '../kubernetes/patches.ts'
import type { Role } from '../kubernetes/versions.ts'

/**
 * The first field of a KubeadmConfig's spec that an update in place of a machine of this role would lose or could not
 * finish with, or undefined. CanUpdate declines such a machine whatever changes, and UpdateMachine refuses it.
 */
export function configObjection(spec: unknown, role: Role): Unsupported | undefined {
  return patchesObjection(spec, role) ?? etcdObjection(spec, role)
}

// The members of an external etcd are on other machines, which this service does not know.
function etcdObjection(spec: unknown, role: Role): Unsupported | undefined {
  const path = ['clusterConfiguration', 'etcd', 'external']
  if (role === 'worker' || valueAt(spec, path) == null) return undefined
  return { path: path.join('.'), why: 'an external etcd is not looked at before a control plane machine is updated' }
}
