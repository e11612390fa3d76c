import { execa } from 'execa'
import { shellIn } from './exec.ts'
import type { Role } from './role.ts'

// What an upgrade may change in a machine, outside of what containerd, etcd, the kubelet and the pods keep for
// themselves under /var. docs/what-changes.md lists the same paths and a test compares the two.
export const documented: Record<Role, readonly string[]> = {
  'control-plane': [
    '/etc/kubernetes/admin.conf',
    '/etc/kubernetes/controller-manager.conf',
    '/etc/kubernetes/kubelet.conf',
    '/etc/kubernetes/manifests',
    '/etc/kubernetes/pki',
    '/etc/kubernetes/scheduler.conf',
    '/etc/kubernetes/super-admin.conf',
    '/etc/kubernetes/tmp',
    '/usr/bin/kubeadm',
    '/usr/bin/kubectl',
    '/usr/bin/kubelet',
    '/var/lib/capd-kubeadm-upgrader/attempt.json',
    '/var/lib/capd-kubeadm-upgrader/files',
  ],
  worker: [
    '/etc/kubernetes/tmp',
    '/usr/bin/kubeadm',
    '/usr/bin/kubectl',
    '/usr/bin/kubelet',
    '/var/lib/capd-kubeadm-upgrader/attempt.json',
    '/var/lib/capd-kubeadm-upgrader/files',
  ],
}

// The paths of the container's own layer that differ from its image, as Docker sees them.
export async function dockerDiff(machine: string): Promise<Set<string>> {
  const { stdout } = await execa('docker', ['diff', machine])
  return new Set(stdout.split('\n').map((line) => line.slice(2)))
}

// The files that were changed in the machine since `since` (seconds since 1970) or that docker diff did not list
// before, and that are not documented.
export async function unexpectedChanges(
  machine: string,
  role: Role,
  since: number,
  before: Set<string>,
): Promise<string[]> {
  const places = '/ /var/lib/capd-kubeadm-upgrader'

  const changed = await shellIn(machine, `find ${places} -xdev -newerct @${since} ! -type d 2>/dev/null || true`)
  const added = [...(await dockerDiff(machine))].filter((path) => !before.has(path))
  const isDocumented = (path: string) =>
    documented[role].some((known) => path === known || path.startsWith(`${known}/`))
  const isParent = (path: string) => documented[role].some((known) => known.startsWith(`${path}/`))
  const seen = new Set([...changed.split('\n').filter(Boolean), ...added.filter((path) => !isParent(path))])
  return [...seen].filter((path) => !isDocumented(path)).sort()
}
