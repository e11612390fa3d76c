import { coded, UpgradeError } from '../errors/upgrade-error.ts'
import { type Path, valueAt } from '../kubernetes/json.ts'
import { atLeastMinor, type Role, versionObjection } from '../kubernetes/versions.ts'
import { filesPart } from './file-list.ts'
import { declinedPart, describe, type Part } from './part.ts'
import { operationFor } from './patch.ts'

/** A change from `from` to `to` of the Machine's version, and the claimed object before and after. */
export interface Change {
  role: Role
  from: string
  to: string
  current: unknown
  desired: unknown
  /** Where the object's spec is. */
  root: Path
  /** Nothing is done to the machine. */
  isSimulated: boolean
}

/** A field that is updated in place, on some machines and within some limits. */
export interface Claim {
  object: 'machine' | 'bootstrapConfig'
  /** The members to walk from the object's spec (in templates, from spec.template.spec). */
  path: readonly [string, ...string[]]
  roles: readonly Role[]
  /** Which value of the setting `changes` selects this claim alone. */
  speciality: 'version' | 'files'
  /** Why this can be promised, for people. */
  reason: string
  /** Decides a change of the field, as a whole or for each of its parts. */
  decide(change: Change): Part
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
  speciality: 'version',
  reason: 'kubeadm, kubelet and the static pods of the machine are upgraded with kubeadm upgrade node.',
  decide: (change) =>
    asWhole('machine', ['version'], change, () => versionObjection(change.role, change.from, change.to)),
}

/** The one feature gate of kubeadm that the KubeadmControlPlane controller changes by itself. */
export const localModeClaim: Claim = {
  object: 'bootstrapConfig',
  path: localMode,
  roles: ['control-plane'],
  speciality: 'version',
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
  speciality: 'files',
  reason: 'Files that are added, or change in content, encoding, owner or permissions, are written. See below.',
  decide: filesPart,
}

// One field that is accepted or declined with all that it holds. What cannot be read is a reason to replace the machine,
// not to block the rollout.
function asWhole(object: string, path: Path, change: Change, objection: () => UpgradeError | undefined): Part {
  const { current, desired, root } = change
  const error = thrownOr(objection)
  if (error) return declinedPart(error)
  const operation = operationFor(current, desired, [...root, ...path], root.length)
  return { accepted: [describe(object, path)], declined: [], affectsAvailability: true, operations: [operation] }
}

function thrownOr(objection: () => UpgradeError | undefined): UpgradeError | undefined {
  try {
    return objection()
  } catch (thrown) {
    return coded(thrown)
  }
}

// The two changes of the gate that come from the KubeadmControlPlane controller and not from a person.
function drifts(change: Change): boolean {
  const [before, after] = [change.current, change.desired].map((object) =>
    valueAt(object, [...change.root, ...localMode]),
  )
  const isAdded = before === undefined && after === true
  const isDropped = before === true && after === undefined
  return (isAdded && crosses(change, localModeMinors.added)) || (isDropped && crosses(change, localModeMinors.dropped))
}

function crosses({ role, from, to }: Change, minor: number): boolean {
  if (versionObjection(role, from, to) !== undefined) return false
  return !atLeastMinor(from, minor) && atLeastMinor(to, minor)
}
