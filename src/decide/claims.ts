import { isDeepStrictEqual } from 'node:util'
import { coded, UpgradeError } from '../errors/upgrade-error.ts'
import { type Path, valueAt } from '../kubernetes/json.ts'
import { nameIn } from '../kubernetes/pod-settings.ts'
import { atLeastMinor, type Role, versionObjection } from '../kubernetes/versions.ts'
import { filesPart } from './file-list.ts'
import { declinedPart, describe, type Part } from './part.ts'
import { operationFor } from './patch.ts'

/** A change from `from` to `to` of the Machine's version, and the claimed object before and after. */
export interface ClaimedChange {
  role: Role
  from: string
  to: string
  current: unknown
  desired: unknown
  /** Where the object's spec is. */
  root: Path
  /** Nothing is done to the machine. */
  isSimulated: boolean
  /** Why no settings of static pods are applied to the machine; undefined where they are. Throws VERSION_FORM. */
  podSettingsObjection(): string | undefined
}

/** A field that is updated in place, on some machines and within some limits. */
export interface Claim {
  object: 'machine' | 'bootstrapConfig'
  /** The members to walk from the object's spec (in templates, from spec.template.spec). */
  path: readonly [string, ...string[]]
  roles: readonly Role[]
  /** Which value of the setting `changes` selects this claim alone; `settings` is only one of all. */
  selectedBy: 'version' | 'files' | 'settings'
  /** Why this can be promised, for people. */
  reason: string
  /** Decides a change of the field, as a whole or for each of its parts. */
  decide(change: ClaimedChange): Part
}

const localMode = ['clusterConfiguration', 'featureGates', 'ControlPlaneKubeletLocalMode'] as const
// The first minor whose target has the gate, and the first that has it no more.
// Source: CAPI v1.14.2 controlplane/kubeadm/pkg/desiredstate/desired_state.go (DefaultFeatureGates).
const localModeMinors = { added: 31, dropped: 36 }

/** The Machine's version. */
export const versionClaim: Claim = {
  object: 'machine',
  path: ['version'],
  roles: ['control-plane', 'worker'],
  selectedBy: 'version',
  reason: 'kubeadm, kubelet and the static pods of the machine are upgraded with kubeadm upgrade node.',
  decide: (change) =>
    asWhole('machine', ['version'], change, () => versionObjection(change.role, change.from, change.to)),
}

/** The one feature gate of kubeadm that the KubeadmControlPlane controller changes by itself. */
export const localModeClaim: Claim = {
  object: 'bootstrapConfig',
  path: localMode,
  roles: ['control-plane'],
  selectedBy: 'version',
  reason:
    'The KubeadmControlPlane controller adds this gate by itself from v1.31 and drops it from v1.36; it writes kubeadm-config, and kubeadm upgrade node follows that.',
  decide: (change) =>
    asWhole('bootstrapConfig', localMode, change, () =>
      drifts(change)
        ? undefined
        : new UpgradeError('CHANGE_NOT_COVERED', { path: describe('bootstrapConfig', localMode) }),
    ),
}

/** The list of files, entry by entry. */
export const filesClaim: Claim = {
  object: 'bootstrapConfig',
  path: ['files'],
  roles: ['control-plane', 'worker'],
  selectedBy: 'files',
  reason: 'Files that are added, or change in content, encoding, owner or permissions, are written. See below.',
  decide: filesPart,
}

/** Arguments, environment or volumes of a static pod, at this path of the ClusterConfiguration. */
export function podSettingClaim(setting: Path): Claim {
  const path = ['clusterConfiguration', ...setting] as const
  const [object, roles] = ['bootstrapConfig', ['control-plane']] as const
  return {
    object,
    path,
    roles,
    selectedBy: 'settings',
    reason:
      'The static pod is rendered again and exchanged, at the same version or together with it. A removed entry is not covered. See below.',
    decide: (change) =>
      asWhole(object, path, change, () => {
        const why = change.podSettingsObjection() ?? settingObjection(change, setting)
        return why === undefined
          ? undefined
          : new UpgradeError('SETTING_NOT_COVERED', { path: describe(object, path), why })
      }),
  }
}

// Arguments with which etcd would be another member, or use other data.
const fixedEtcdArguments =
  /^(name|data-dir|wal-dir|initial-.+|.+-urls|force-new-cluster|discovery.*|experimental-initial-.+|unsafe-.+)$/

// A removed entry is no longer in the request, so it cannot be distinguished from kubeadm's own ones in the manifest.
function settingObjection({ current, desired, root }: ClaimedChange, setting: Path): string | undefined {
  const [old, list] = [current, desired].map((object) =>
    entriesAt(object, [...root, 'clusterConfiguration', ...setting]),
  )
  if (!old || !list) return 'it is not a list of names'
  const names = new Set(list.map(nameIn))
  const gone = old.find((entry) => !names.has(nameIn(entry)))
  if (gone !== undefined) return `${nameIn(gone)} is removed`
  const found = list.find((entry) => old.some((other) => isFoundElsewhere(other, entry)))
  if (found !== undefined) return `the value of ${nameIn(found)} is found by the kubelet before and after`
  const moved = list.find((entry) => isOnlyMoved(valuesOf(old, entry), valuesOf(list, entry)))
  if (moved !== undefined) return `only the order of the values of ${nameIn(moved)} changes`
  if (setting.join('.') !== 'etcd.local.extraArgs') return undefined
  const changed = list.filter((entry) => !old.some((other) => isDeepStrictEqual(other, entry)))
  const fixed = changed.map(nameIn).find((name) => fixedEtcdArguments.test(name))
  return fixed && `the argument ${fixed} makes another member of etcd`
}

// The manifest shows that a variable has a valueFrom, but kubeadm adds defaults to it, so two of them cannot be compared.
function isFoundElsewhere(old: unknown, entry: unknown): boolean {
  const [before, after] = [old, entry].map((one) => valueAt(one, ['valueFrom']))
  return nameIn(old) === nameIn(entry) && before != null && after != null && !isDeepStrictEqual(before, after)
}

// Some patch releases of kubeadm keep the order of values and others sort them, so the manifest does not show whether an
// order is applied. Source: kubernetes/kubernetes#135400 and its backports.
function isOnlyMoved(before: string[], after: string[]): boolean {
  return !isDeepStrictEqual(before, after) && isDeepStrictEqual(before.toSorted(), after.toSorted())
}

function valuesOf(list: unknown[], entry: unknown): string[] {
  const ofName = list.filter((other) => nameIn(other) === nameIn(entry))
  return ofName.map((other) => String(valueAt(other, ['value']) ?? ''))
}

function entriesAt(object: unknown, path: Path): unknown[] | undefined {
  const list = valueAt(object, path) ?? []
  const isNamed = Array.isArray(list) && list.every((entry) => typeof valueAt(entry, ['name']) === 'string')
  return isNamed ? list : undefined
}

// One field that is accepted or declined with all that it holds. What cannot be read is a reason to replace the machine,
// not to block the rollout.
function asWhole(object: string, path: Path, change: ClaimedChange, objection: () => UpgradeError | undefined): Part {
  const { current, desired, root } = change
  const isReadable = [current, desired].every((side) => hasOnlyObjectsAbove(side, [...root, ...path]))
  const error = isReadable
    ? thrownOr(objection)
    : new UpgradeError('CHANGE_NOT_COVERED', { path: describe(object, path) })
  if (error) return declinedPart(error)
  const operation = operationFor(current, desired, [...root, ...path], root.length)
  return { accepted: [describe(object, path)], declined: [], affectsAvailability: true, operations: [operation] }
}

// False where a parent of the path is a list or a text, which no operation can add a member to.
function hasOnlyObjectsAbove(object: unknown, path: Path): boolean {
  const parents = path.map((_, i) => valueAt(object, path.slice(0, i)) ?? {})
  return parents.every((parent) => typeof parent === 'object' && !Array.isArray(parent))
}

function thrownOr(objection: () => UpgradeError | undefined): UpgradeError | undefined {
  try {
    return objection()
  } catch (thrown) {
    return coded(thrown)
  }
}

// The two changes of the gate that come from the KubeadmControlPlane controller and not from a person.
function drifts(change: ClaimedChange): boolean {
  const [before, after] = [change.current, change.desired].map((object) =>
    valueAt(object, [...change.root, ...localMode]),
  )
  const isAdded = before === undefined && after === true
  const isDropped = before === true && after === undefined
  return (isAdded && crosses(change, localModeMinors.added)) || (isDropped && crosses(change, localModeMinors.dropped))
}

function crosses({ role, from, to }: ClaimedChange, minor: number): boolean {
  if (versionObjection(role, from, to) !== undefined) return false
  return !atLeastMinor(from, minor) && atLeastMinor(to, minor)
}
