import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Situation } from './step.ts'

/** Images that are missing in the machine. */
export interface MissingImages {
  /** The upgrade needs these. */
  needed: string[]
  /** Loaded too if the source has them. */
  welcome: string[]
}

/**
 * The images of kubeadm's list that are missing in the machine. A worker needs kube-proxy's image, because the
 * DaemonSet is upgraded before the workers. If the worker stays behind its control plane, kubeadm lists the cluster's
 * kube-proxy, which the target's node image lacks: the DaemonSet pulls it. CoreDNS' image is optional on a
 * worker: its pods may run on any machine, but no node image may contain its version. kubeadm's pause image is not needed:
 * containerd is configured with its own, and kind's node images contain only that one (kind v0.33.0, pkg/build/nodeimage).
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
