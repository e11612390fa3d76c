import semver from 'semver'
import type { Role } from '../contract/role.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'

export type { Role } from '../contract/role.ts'

// How far one step may go, per role. kubeadm upgrades a control plane by one minor at most; a worker may go as
// far as the oldest API server allows, which is looked at when the upgrade runs. docs/decisions/0002 has the why.
export const minorsUp: Record<Role, number> = { 'control-plane': 1, worker: Number.POSITIVE_INFINITY }

// A Kubernetes release name, parsed; throws VERSION_FORM. Build metadata names no upstream release.
export function parseVersion(text: string): semver.SemVer {
  const parsed = /^v\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/.test(text) ? semver.parse(text) : null
  if (parsed === null || parsed.major !== 1) throw new UpgradeError('VERSION_FORM')
  return parsed
}

// Why `from` to `to` is not done in place for the role, or undefined when it is. Equal versions are fine.
// Throws VERSION_FORM.
export function versionObjection(role: Role, from: string, to: string): UpgradeError | undefined {
  const [old, target] = [parseVersion(from), parseVersion(to)]
  if (semver.lt(target, old)) return new UpgradeError('VERSION_DOWN', { from, to })
  if (target.minor - old.minor > minorsUp[role]) return new UpgradeError('VERSION_SKIPS_MINOR', { from, to })
  return undefined
}

// True when `version` is at least the given minor of Kubernetes 1, its pre-releases included.
export function atLeastMinor(version: string, minor: number): boolean {
  return parseVersion(version).minor >= minor
}
