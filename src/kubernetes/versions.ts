import semver from 'semver'
import type { Role } from '../contract/role.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'

export type { Role } from '../contract/role.ts'

/**
 * The most minor versions that one upgrade may go up, by role. kubeadm upgrades a control plane by one at most. The
 * limit of a worker is the version of the oldest API server, which is checked when the upgrade runs.
 * docs/explanation/decisions/0002 has the reasons.
 */
export const minorsUp: Record<Role, number> = { 'control-plane': 1, worker: Number.POSITIVE_INFINITY }

// A release of Kubernetes 1. Vendors' versions have a suffix or build metadata, and cannot be downloaded by name.
const releaseName = /^v1\.\d{1,5}\.\d{1,5}(-(alpha|beta|rc)\.\d{1,5})?$/

/** Parses the name of a Kubernetes release, such as v1.35.4 or v1.36.0-rc.1. Throws VERSION_FORM. */
export function parseVersion(text: string): semver.SemVer {
  const parsed = releaseName.test(text) ? semver.parse(text) : null
  if (parsed === null) throw new UpgradeError('VERSION_FORM')
  return parsed
}

/** The reason why a machine of the role cannot go from one version to another, or undefined. Throws VERSION_FORM. */
export function versionObjection(role: Role, from: string, to: string): UpgradeError | undefined {
  const [old, target] = [parseVersion(from), parseVersion(to)]
  if (semver.lt(target, old)) return new UpgradeError('VERSION_DOWN', { from, to })
  if (target.minor - old.minor > minorsUp[role]) return new UpgradeError('VERSION_SKIPS_MINOR', { from, to })
  return undefined
}

/**
 * True when the minor version of Kubernetes 1 is at least `minor`. Pre-releases count as their release. Throws
 * VERSION_FORM.
 */
export function atLeastMinor(version: string, minor: number): boolean {
  return parseVersion(version).minor >= minor
}
