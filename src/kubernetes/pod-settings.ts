import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { keysOf, type Path, valueAt } from './json.ts'
import { patchesDirectory } from './patches.ts'
import { atLeastMinor, type Role } from './versions.ts'

const lists = ['extraArgs', 'extraEnvs', 'extraVolumes']

/** kubeadm's static pods, and the path of their settings in a ClusterConfiguration. */
export const componentPaths: ReadonlyMap<string, Path> = new Map([
  ['kube-apiserver', ['apiServer']],
  ['kube-controller-manager', ['controllerManager']],
  ['kube-scheduler', ['scheduler']],
  ['etcd', ['etcd', 'local']],
])

/** The user's settings for the static pods of a control plane machine, in addition to kubeadm's own. */
export interface PodSettings {
  /** The SHA-256 of the settings, in hexadecimal. */
  digest: string
  /** Lists of a ClusterConfiguration that are not empty, by their paths in it, such as `apiServer.extraArgs`. */
  lists: ReadonlyMap<string, readonly unknown[]>
}

/** The values that decide whether settings of static pods are applied. */
export interface PodSettingsScope {
  role: Role
  /** The values of the settings `changes` and `exchange`. */
  changes: string
  exchange: string
  /** The version that the machine is to have. */
  version: string
  /** The spec of its KubeadmConfig. */
  spec: unknown
}

/**
 * Why no settings of static pods are applied to a machine, or undefined where they are. kubeadm before v1.31 knows no
 * kubeadm.k8s.io/v1beta4: it has no environment, and one argument of a name. Throws VERSION_FORM.
 */
export function podSettingsObjection({ role, changes, exchange, version, spec }: PodSettingsScope): string | undefined {
  if (role !== 'control-plane' || changes !== 'all') return 'other changes are made in place'
  if (exchange !== 'together') return 'the static pods are not exchanged together'
  if (!atLeastMinor(version, 31)) return 'kubeadm has no kubeadm.k8s.io/v1beta4 before v1.31'
  if (patchesDirectory(spec, role) !== undefined) return "kubeadm's patches may change the same"
  const isRootless = valueAt(spec, ['clusterConfiguration', 'featureGates', 'RootlessControlPlane']) === true
  return isRootless ? 'static pods with RootlessControlPlane cannot be rendered' : undefined
}

/** The settings in the spec of a KubeadmConfig, or undefined if it has none. */
export function podSettingsOf(spec: unknown): PodSettings | undefined {
  const found = settingsIn(valueAt(spec, ['clusterConfiguration']))
  if (found.size === 0) return undefined
  const digest = createHash('sha256')
    .update(JSON.stringify([...found]))
    .digest('hex')
  return { digest, lists: found }
}

/** The first list, by its path, that a ClusterConfiguration has with other entries; undefined if there is none. */
export function firstOther(wanted: PodSettings, configuration: unknown): string | undefined {
  const there = settingsIn(configuration)
  return [...wanted.lists.keys()].find((path) => !isDeepStrictEqual(wanted.lists.get(path), there.get(path)))
}

function settingsIn(configuration: unknown): Map<string, unknown[]> {
  const paths = [...componentPaths.values()].flatMap((path) => lists.map((list) => [...path, list]))
  const found = paths.map((path) => [path.join('.'), normalized(valueAt(configuration, path))] as const)
  return new Map(found.filter(([, list]) => list.length > 0))
}

// Entries with the same name keep their order. The order of different names has no effect. Anything but a list is ignored:
// kubeadm.k8s.io/v1beta4 has lists only.
function normalized(list: unknown): unknown[] {
  const entries = Array.isArray(list) ? list : []
  return entries.map(withoutEmpty).sort((one, other) => byCode(nameIn(one), nameIn(other)))
}

// kubeadm does not distinguish absent, empty and false.
function withoutEmpty(value: unknown): unknown {
  const names = keysOf(value).sort(byCode)
  if (names.length === 0) return value
  const members = names.map((name) => [name, withoutEmpty(valueAt(value, [name]))] as const)
  return Object.fromEntries(members.filter(([, inner]) => inner != null && inner !== false && inner !== ''))
}

/** The name of an entry of such a list. */
export function nameIn(entry: unknown): string {
  return String(valueAt(entry, ['name']))
}

function byCode(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
