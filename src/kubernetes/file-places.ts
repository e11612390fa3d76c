import { posix } from 'node:path'
import { valueAt } from './json.ts'

/** Paths at and below which no file is written in place. */
export const closedPlaces: readonly string[] = [
  // Lost on a restart of the container, or not on a disk.
  '/run',
  '/tmp',
  '/proc',
  '/sys',
  '/dev',
  // Symbolic links to other directories.
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/var/run',
  '/var/lock',
  // Mounted into the machine by Docker.
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
  // Replaced by an update.
  '/usr/bin/kubeadm',
  '/usr/bin/kubelet',
  '/usr/bin/kubectl',
  // The state of this service, the kubelet, etcd and containerd.
  '/var/lib/capd-kubeadm-upgrader',
  '/var/lib/kubelet',
  '/var/lib/etcd',
  '/var/lib/containerd',
  // Written by kubeadm.
  '/etc/kubernetes/pki',
  '/etc/kubernetes/manifests',
  '/etc/kubernetes/tmp',
  '/etc/kubernetes/admin.conf',
  '/etc/kubernetes/super-admin.conf',
  '/etc/kubernetes/kubelet.conf',
  '/etc/kubernetes/bootstrap-kubelet.conf',
  '/etc/kubernetes/controller-manager.conf',
  '/etc/kubernetes/scheduler.conf',
]

/**
 * Directories of every machine. Files are written below them, but not in place of them. The same holds for parents of
 * closed places.
 */
export const knownDirectories: readonly string[] = [
  '/boot',
  '/home',
  '/media',
  '/mnt',
  '/opt',
  '/root',
  '/srv',
  '/etc/cni',
  '/etc/cni/net.d',
  '/etc/containerd',
  '/etc/default',
  '/etc/ssl',
  '/etc/ssl/certs',
  '/etc/sysctl.d',
  '/etc/systemd',
  '/etc/systemd/system',
  '/opt/cni',
  '/opt/cni/bin',
  '/usr/lib',
  '/usr/local',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/share',
  '/var/cache',
  '/var/log',
  '/var/tmp',
]

/**
 * The closed places of machines with these KubeadmConfigs: `closedPlaces`, the configured directories of etcd's data
 * and of certificates, and the directories of kubeadm's patches, whose files take effect only when kubeadm runs.
 */
export function closedBy(...specs: unknown[]): string[] {
  const directories = specs
    .flatMap((spec) => ownDirectories.map((path) => valueAt(spec, path)))
    .filter((directory): directory is string => typeof directory === 'string' && directory !== '')
  return [...closedPlaces, ...directories.map((directory) => posix.resolve('/', directory))]
}

const ownDirectories = [
  ['initConfiguration', 'patches', 'directory'],
  ['joinConfiguration', 'patches', 'directory'],
  ['clusterConfiguration', 'certificatesDir'],
  ['clusterConfiguration', 'etcd', 'local', 'dataDir'],
]

// CAPD passes the path to a shell without quoting it.
const plainPath = /^(\/(?!\.{1,2}(\/|$))[\w.@+:=,~-]+)+$/
// Linux's limits in bytes, without the terminating zero. Each character of a plain path is one byte.
const longestPath = 4095
const longestName = 255
// A file is first written next to its place under a longer name. A copy of the previous file is kept below the state
// directory of this service.
const nameSuffix = '..capd-kubeadm-upgrader'.length
const statePrefix = '/var/lib/capd-kubeadm-upgrader/files/replaced'.length

/** True for an absolute path within Linux's limits that has no `.`, `..`, double slash, space or shell character. */
export function isPlainPath(path: unknown): path is string {
  if (typeof path !== 'string' || path.length > longestPath || !plainPath.test(path)) return false
  return path.split('/').every((name) => name.length <= longestName)
}

/** The reason why no file is written at a path, or undefined. Nothing is written at or below the paths in `closed`. */
export function placeObjection(path: unknown, closed: readonly string[]): string | undefined {
  if (!isPlainPath(path)) return 'its path is not absolute, clean and in plain characters'
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name.length + nameSuffix > longestName || path.length + nameSuffix + statePrefix > longestPath) {
    return 'its path or its name is too long'
  }
  if (closed.some((place) => isAtOrBelow(path, place))) return 'its place is closed'
  if (closed.some((place) => isAtOrBelow(place, path)) || knownDirectories.includes(path)) {
    return 'there is a directory at its path'
  }
  return undefined
}

function isAtOrBelow(path: string, place: string): boolean {
  return place === '/' || `${path}/`.startsWith(`${place}/`)
}

/**
 * For each path, the reason why it conflicts with another path of the list, or undefined. Of two equal paths the order
 * decides which one counts, and no file can be below another file.
 */
export function pathConflicts(paths: readonly unknown[]): (string | undefined)[] {
  const counts = new Map<unknown, number>()
  for (const path of paths) counts.set(path, (counts.get(path) ?? 0) + 1)
  const nested = nestedPaths([...counts.keys()].filter((path) => typeof path === 'string'))
  return paths.map((path) => {
    if ((counts.get(path) ?? 0) > 1) return 'another entry has its path'
    return nested.has(path) ? 'the path of another entry is above or below its own' : undefined
  })
}

// The paths that are above or below another one. After sorting, each path is followed directly by the paths below it.
function nestedPaths(paths: string[]): Set<unknown> {
  const nested = new Set<unknown>()
  const above: string[] = []
  for (const directory of paths.map((path) => `${path}/`).sort()) {
    while (above.length > 0 && !directory.startsWith(above.at(-1) ?? '')) above.pop()
    const parent = above.at(-1)
    if (parent !== undefined) nested.add(parent.slice(0, -1)).add(directory.slice(0, -1))
    above.push(directory)
  }
  return nested
}
