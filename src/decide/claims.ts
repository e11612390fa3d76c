import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Path } from '../kubernetes/json.ts'
import { atLeastMinor, type Role, versionObjection } from '../kubernetes/versions.ts'
import { filesInPlace, type Part } from './file-list.ts'

// A change from `from` to `to` of the Machine's version, with the two values at the claimed path.
export interface Change {
  role: Role
  from: string
  to: string
  current: unknown
  desired: unknown
}

export interface Claim {
  object: 'machine' | 'bootstrapConfig'
  // The members to walk from the object's spec (in templates, from spec.template.spec).
  path: readonly [string, ...string[]]
  roles: readonly Role[]
  // Which value of the setting `changes` asks for it alone.
  speciality: 'version' | 'files'
  // Why this can be promised, for people.
  reason: string
  // Why this very change is not made, or undefined when it is.
  objection?(change: Change): UpgradeError | undefined
  // In place of it, for a list that may be accepted in part: what is, given the two objects and where their specs are,
  // and other closed places than the usual ones.
  inPart?(current: unknown, desired: unknown, root: Path, closed?: string[]): Part
}

const localMode = ['clusterConfiguration', 'featureGates', 'ControlPlaneKubeletLocalMode'] as const
// The first minor whose target has the gate, and the first that has it no more.
// Source: CAPI v1.14.2 controlplane/kubeadm/pkg/desiredstate/desired_state.go (DefaultFeatureGates).
const localModeMinors = { added: 31, dropped: 36 }

// All that is updated in place; everything else stays uncovered, so that CAPI replaces the machine.
// docs/what-is-updated.md is generated from this list.
export const claims: readonly Claim[] = [
  {
    object: 'machine',
    path: ['version'],
    roles: ['control-plane', 'worker'],
    speciality: 'version',
    reason: 'kubeadm, kubelet and the static pods of the machine are upgraded with kubeadm upgrade node.',
    objection: ({ role, from, to }) => versionObjection(role, from, to),
  },
  {
    object: 'bootstrapConfig',
    path: localMode,
    roles: ['control-plane'],
    speciality: 'version',
    reason:
      'The KubeadmControlPlane controller adds this gate by itself from v1.31 and drops it from v1.36; it writes kubeadm-config, and kubeadm upgrade node follows that.',
    objection(change) {
      const drifts =
        (crosses(change, localModeMinors.added) && change.current === undefined && change.desired === true) ||
        (crosses(change, localModeMinors.dropped) && change.current === true && change.desired === undefined)
      return drifts
        ? undefined
        : new UpgradeError('CHANGE_NOT_COVERED', { path: describe('bootstrapConfig', localMode) })
    },
  },
  {
    object: 'bootstrapConfig',
    path: ['files'],
    roles: ['control-plane', 'worker'],
    speciality: 'files',
    reason: 'Files that are added, or change in content, encoding, owner or permissions, are written. See below.',
    inPart: filesInPlace,
  },
]

// A path as a person reads it: `bootstrapConfig clusterConfiguration.featureGates.X`.
export function describe(object: string, path: readonly string[]): string {
  return `${object} ${path.join('.') || 'spec'}`
}

function crosses({ role, from, to }: Change, minor: number): boolean {
  if (versionObjection(role, from, to) !== undefined) return false
  return !atLeastMinor(from, minor) && atLeastMinor(to, minor)
}
