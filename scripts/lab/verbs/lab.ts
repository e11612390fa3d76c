import { interruptible } from '../../host/interruption.ts'
import { logTo } from '../../host/progress.ts'
import { ensureNodeImage } from '../cluster/images.ts'
import { ensureKind } from '../cluster/kind.ts'
import { ensureKindCluster } from '../cluster/kind-cluster.ts'
import { labClusterOf } from '../cluster/lab-cluster.ts'
import { ensureReleases, type Releases } from '../cluster/releases.ts'
import { dockerEngine } from '../engine/dockerd.ts'
import { ladder } from '../engine/ladder.ts'
import { ensureNetwork, gateway } from '../engine/network.ts'
import { withLabLock } from '../host/lock.ts'
import { arch, cluster, controlPlane, network, worker } from '../host/names.ts'
import { ensure } from '../host/prerequisite.ts'

/** The lab as `up` leaves it: one control plane machine and one or more workers, at the version to upgrade from. */
export interface Lab {
  /** The name of the kind cluster. */
  cluster: string
  /** The container of the control plane machine. */
  controlPlane: string
  /** The container of the first worker. */
  worker: string
  /** The containers of all workers. */
  workers: string[]
  /** The Docker network of the machines. */
  network: string
  /** The host's address on it, at which machines reach what the host serves. */
  gateway: string
  /** The file for an administrator's access from the host. */
  kubeconfig: string
  /** The Kubernetes version of new machines. */
  from: string
  /** The Kubernetes version to upgrade to. */
  to: string
  /** The machine image of the version to upgrade to. */
  toImage: string
  /** The architecture, as Kubernetes' releases name it. */
  arch: string
  /** Where the programs of the version to upgrade to are. */
  releases: Releases
  /** The path of kind. */
  kind: string
}

/** How `labUp` creates the lab. */
export interface LabOptions {
  /** Replaces the machines by new ones. */
  fresh?: boolean
  /** The number of workers that there are at least, by default 1. */
  workers?: number
  /** Which version new machines have, by default the one to upgrade from. */
  at?: 'from' | 'to'
  /** Takes the lines of progress, by default standard error. */
  log?: (line: string) => void
}

/**
 * Ensures the engine, the images, the network and the cluster of the lab. Throws `UserError` where that is impossible,
 * and `Interrupted` at SIGINT or SIGTERM.
 */
export function labUp({ fresh = false, workers: count = 1, at = 'from', log }: LabOptions = {}): Promise<Lab> {
  if (log) logTo(log)
  return interruptible(() =>
    withLabLock(async () => {
      await ensure(dockerEngine)
      const kind = await ensureKind()
      const { from, to } = await ladder()
      await ensureNodeImage(from)
      const toImage = await ensureNodeImage(to)
      const releases = await ensureReleases()
      await ensureNetwork(network)
      const kindCluster = labClusterOf(count, at)
      if (fresh) await kindCluster.remove()
      await ensureKindCluster(kind, kindCluster)
      const { kubeconfig, workers } = kindCluster
      const machines = { cluster, controlPlane, worker, workers, network, gateway: await gateway(network), kubeconfig }
      return { ...machines, from, to, toImage, arch, releases, kind }
    }),
  )
}
