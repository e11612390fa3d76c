import { interruptible } from '../../host/interruption.ts'
import { logTo } from '../../host/progress.ts'
import { ensureClusterApi } from '../cluster/cluster-api.ts'
import { ensureLoadBalancerImage, ensureNodeImage, ensureProviderImages } from '../cluster/images.ts'
import { ensureKind } from '../cluster/kind.ts'
import { ensureKindCluster } from '../cluster/kind-cluster.ts'
import { ensureKubectl } from '../cluster/kubectl.ts'
import { managementCluster } from '../cluster/management-cluster.ts'
import { ensureReleases, type Releases } from '../cluster/releases.ts'
import { dockerEngine } from '../engine/dockerd.ts'
import { ensureImageInMachine } from '../engine/image-in-machine.ts'
import { ladder } from '../engine/ladder.ts'
import { ensureNetwork, gateway } from '../engine/network.ts'
import { inotifyInstances } from '../host/inotify.ts'
import { withLabLock } from '../host/lock.ts'
import { arch, management as cluster, kindNetwork, managementControlPlane, workloadPrefix } from '../host/names.ts'
import { ensure } from '../host/prerequisite.ts'

/** The management cluster as `management` leaves it: one machine with Cluster API, which creates other machines. */
export interface Management {
  /** The name of the kind cluster. */
  cluster: string
  /** Its only container. */
  controlPlane: string
  /** The Docker network of it and of every machine that it creates. */
  network: string
  /** The host's address on the network, at which machines reach what the host serves. */
  gateway: string
  /**
   * What the names of the clusters that it creates should begin with. No other lab has the prefix, and `down` finds such
   * clusters even when the management cluster does not answer.
   */
  prefix: string
  /** The file for an administrator's access from the host. */
  kubeconfig: string
  /** The path of kubectl. */
  kubectl: string
  /** The path of kind. */
  kind: string
  /** The Kubernetes version to upgrade from, which machines can be created with. */
  from: string
  /** The Kubernetes version to upgrade to, which machines can be created with. */
  to: string
  /** The architecture, as Kubernetes' releases name it. */
  arch: string
  /** Where the programs of the version to upgrade to are. */
  releases: Releases
}

/** How `managementUp` creates the management cluster. */
export interface ManagementOptions {
  /** Replaces the management cluster, and removes the machines that it has created. */
  fresh?: boolean
  /** Takes the lines of progress, by default standard error. */
  log?: (line: string) => void
}

/**
 * Ensures a management cluster with Cluster API in it. Throws `UserError` where that is impossible, and `Interrupted` at
 * SIGINT or SIGTERM.
 */
export function managementUp({ fresh = false, log }: ManagementOptions = {}): Promise<Management> {
  if (log) logTo(log)
  return interruptible(() =>
    withLabLock(async () => {
      await ensure(dockerEngine)
      await ensure(inotifyInstances)
      const kind = await ensureKind()
      const { from, to } = await ladder()
      await ensureNodeImage(from)
      await ensureNodeImage(to)
      await ensureLoadBalancerImage()
      await ensureProviderImages()
      const releases = await ensureReleases()
      const kubectl = await ensureKubectl(releases)
      const network = await ensureNetwork(kindNetwork)
      if (fresh) await managementCluster.remove()
      await ensureKindCluster(kind, managementCluster)
      const { kubeconfig } = managementCluster
      await ensureClusterApi(kubectl, kubeconfig)
      const machine = { cluster, controlPlane: managementControlPlane, network, gateway: await gateway(network) }
      return { ...machine, prefix: workloadPrefix(cluster), kubeconfig, kubectl, kind, from, to, arch, releases }
    }),
  )
}

/** Loads an image of the engine into the management cluster, for its Pods. */
export function loadImage({ controlPlane }: Pick<Management, 'controlPlane'>, image: string): Promise<void> {
  return interruptible(() => withLabLock(() => ensureImageInMachine(controlPlane, image)))
}
