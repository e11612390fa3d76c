import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Situation } from './step.ts'

/** Images that the machine does not have. */
export interface MissingImages {
  /** Without these the machine would not work. */
  needed: string[]
  /** Brought along where the source has them. */
  welcome: string[]
}

/**
 * What of kubeadm's list is missing in the machine. A worker needs kube-proxy's image, because its DaemonSet is moved
 * to the target before the workers are. For a worker that stays behind its control plane the list has the kube-proxy of
 * the cluster, which the node image of the target does not hold: it is for the DaemonSet to bring. CoreDNS' pods may stand on any machine, and a new machine would have their
 * image; but its version may be one that no node image holds. kubeadm's pause image is not needed: containerd is
 * configured with its own, and kind's node images contain only that one (kind v0.33.0, pkg/build/nodeimage).
 * Throws CONTAINERD_AWAY.
 */
export function missingImages({ observation, machine, target }: Situation): MissingImages {
  const { pods, work } = observation
  if (!pods) throw new UpgradeError('CONTAINERD_AWAY')
  const listed = (work.neededImages ?? []).filter((image) => !image.includes('/pause:'))
  const missing = listed.filter((image) => !pods.digests.has(image))
  if (machine.role === 'control-plane') return { needed: missing, welcome: [] }
  const needed = missing.filter((image) => image.endsWith(`/kube-proxy:${target}`))
  return { needed, welcome: missing.filter((image) => image.includes('/coredns:')) }
}
