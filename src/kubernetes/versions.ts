import semver from 'semver'
import type { Role } from '../contract/role.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'

export type { Role } from '../contract/role.ts'

/**
 * How many minor versions one step may go up, for each role. kubeadm upgrades a control plane by one at most. A worker may
 * go as far as the oldest API server allows, which is checked when the upgrade runs. docs/explanation/decisions/0002 has the reasons.
 */
export const minorsUp: Record<Role, number> = { 'control-plane': 1, worker: Number.POSITIVE_INFINITY }

// A release of Kubernetes 1. Vendors' versions have a suffix or build metadata, and no download under their name.
const releaseName = /^v1\.\d{1,5}\.\d{1,5}(-(alpha|beta|rc)\.\d{1,5})?$/

/** A Kubernetes release name such as v1.35.4 or v1.36.0-rc.1, parsed. Throws VERSION_FORM. */
export function parseVersion(text: string): semver.SemVer {
  const parsed = releaseName.test(text) ? semver.parse(text) : null
  if (parsed === null) throw new UpgradeError('VERSION_FORM')
  return parsed
}

/** Why `from` to `to` is not made in place for the role, or undefined if it is. Equal versions are. Throws VERSION_FORM. */
export function versionObjection(role: Role, from: string, to: string): UpgradeError | undefined {
  const [old, target] = [parseVersion(from), parseVersion(to)]
  if (semver.lt(target, old)) return new UpgradeError('VERSION_DOWN', { from, to })
  if (target.minor - old.minor > minorsUp[role]) return new UpgradeError('VERSION_SKIPS_MINOR', { from, to })
  return undefined
}

/** True for a version of at least the given minor of Kubernetes 1, its pre-releases included. Throws VERSION_FORM. */
export function atLeastMinor(version: string, minor: number): boolean {
  return parseVersion(version).minor >= minor
}
