import type { Role } from '../witness/role.ts'

/** The way of a machine's upgrade: a worker's, or one of the two of a control plane machine (setting `exchange`). */
export type UpgradeWay = 'worker' | 'together' | 'one-by-one'

const staging = ['binaries', 'kubeadm-config', 'image-list', 'image-archive', 'images']
const exchanging = ['render', 'prepare', 'exchange']
const ending = ['kubelet', 'verify', 'tidy']

/** The steps of all ways, in order. */
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

const ways: Record<UpgradeWay, readonly string[]> = {
  worker: without('manifests', ...exchanging, 'static-pods'),
  together: without('api-servers'),
  'one-by-one': without('api-servers', ...exchanging),
}

// Steps that only observe, or whose end leaves no trace in the work directory.
const observing = ['preflight', 'manifests', 'kubeadm-config', 'api-servers', 'files', 'static-pods', 'verify']
const withUnit = ['binaries', 'images', 'render', 'prepare', 'exchange', 'kubeadm', 'kubelet']

/** The ways of a role. */
export function waysOf(role: Role): UpgradeWay[] {
  return role === 'worker' ? ['worker'] : ['together', 'one-by-one']
}

/** The steps of a way, in order. */
export function stepsOf(way: UpgradeWay): readonly string[] {
  return ways[way]
}

/** The steps of a way whose end leaves a trace, in order. */
export function actingOf(way: UpgradeWay): string[] {
  // After a joint exchange the step "kubelet" has nothing to do.
  return ways[way].filter((step) => !observing.includes(step) && !(way === 'together' && step === 'kubelet'))
}

/** Reports whether the next steps begin while the unit of a step is running. */
export function goesOn(step: string, way: UpgradeWay): boolean {
  return step === 'images' && way === 'together'
}

/** The acting step that begins only after the end of a step; undefined for the last one. */
export function nextOf(step: string, way: UpgradeWay): string | undefined {
  const acting = actingOf(way)
  // The exchange waits for the images.
  return goesOn(step, way) ? 'exchange' : acting[acting.indexOf(step) + 1]
}

/** Reports whether a step runs as a systemd unit. */
export function hasUnit(step: string): boolean {
  return withUnit.includes(step)
}

/** The steps of a way that run as systemd units. */
export function unitsOf(way: UpgradeWay): string[] {
  return actingOf(way).filter(hasUnit)
}

/** For a step that only observes, the acting steps before and after it; undefined for an acting step. */
export function aroundOf(step: string, way: UpgradeWay): [string | undefined, string | undefined] | undefined {
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
