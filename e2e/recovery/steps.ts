import type { Role } from '../witness/role.ts'

/** The way of a machine to its target: a worker's, or one of the two of a control plane machine (setting `exchange`). */
export type Way = 'worker' | 'together' | 'one-by-one'

const staging = ['binaries', 'kubeadm-config', 'image-list', 'image-archive', 'images']
const exchanging = ['render', 'prepare', 'exchange']
const ending = ['kubelet', 'verify', 'tidy']

/** The steps of all ways, in their order. */
export const allSteps: readonly string[] = [
  'preflight',
  'manifests',
  ...staging,
  'api-servers',
  'files',
  ...exchanging,
  'kubeadm',
  'static-pods',
  ...ending,
]

const ways: Record<Way, readonly string[]> = {
  worker: without('manifests', ...exchanging, 'static-pods'),
  together: without('api-servers'),
  'one-by-one': without('api-servers', ...exchanging),
}

// These only look, or leave nothing in the work directory by which their end can be told.
const looking = ['preflight', 'manifests', 'kubeadm-config', 'api-servers', 'files', 'static-pods', 'verify']
const withUnit = ['binaries', 'images', 'render', 'prepare', 'exchange', 'kubeadm', 'kubelet']

/** The ways that a machine of this role can take. */
export function waysOf(role: Role): Way[] {
  return role === 'worker' ? ['worker'] : ['together', 'one-by-one']
}

/** The steps of a way, in their order. */
export function stepsOf(way: Way): readonly string[] {
  return ways[way]
}

/** The steps of a way that leave something by which their end can be told, in their order. */
export function actingOf(way: Way): string[] {
  // After an exchange of everything at once this step finds its kubelet in place.
  return ways[way].filter((step) => !looking.includes(step) && !(way === 'together' && step === 'kubelet'))
}

/** True where the step's work is done by a unit of systemd. */
export function hasUnit(step: string): boolean {
  return withUnit.includes(step)
}

/** The steps of a way whose work is done by a unit of systemd: each is started once. */
export function unitsOf(way: Way): string[] {
  return actingOf(way).filter(hasUnit)
}

/** The acting steps before and after a step that only looks; undefined for a step that acts. */
export function aroundOf(step: string, way: Way): [string | undefined, string | undefined] | undefined {
  const acting = actingOf(way)
  if (acting.includes(step)) return undefined
  const at = ways[way].indexOf(step)
  return [
    ways[way].slice(0, at).findLast((name) => acting.includes(name)),
    ways[way].slice(at).find((name) => acting.includes(name)),
  ]
}

function without(...others: string[]): string[] {
  return allSteps.filter((step) => !others.includes(step))
}
