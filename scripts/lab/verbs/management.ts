import { logTo } from '../../host/progress.ts'
import { interruptible } from '../../host/run.ts'
import { needClusterApiImages } from '../build/cluster-api-images.ts'
import { kind as needKind } from '../build/kind.ts'
import { needLoadBalancerImage } from '../build/load-balancer-image.ts'
import { needNodeImage } from '../build/node-image.ts'
import { needClusterApi } from '../cluster/cluster-api-in-cluster.ts'
import { needKindCluster } from '../cluster/kind-cluster.ts'
import { needKubectl } from '../cluster/kubectl.ts'
import { managementCluster } from '../cluster/management-cluster.ts'
import { needReleases, type Releases } from '../cluster/releases.ts'
import { engine } from '../engine/engine.ts'
import { needImageIn } from '../engine/load-image.ts'
import { gateway, needNetwork } from '../engine/network.ts'
import { inotify } from '../host/inotify.ts'
import { alone } from '../host/lock.ts'
import { arch, management as cluster, kindNetwork, managementControlPlane, workloadPrefix } from '../host/names.ts'
import { need } from '../host/stage.ts'
import { from, to } from '../host/versions.ts'

export interface Management {
  // Name of the kind cluster, and of its one container.
  cluster: string
  controlPlane: string
  // The Docker network of it and of every machine that it makes, and the host's address on it.
  network: string
  gateway: string
  // What the names of the clusters that it makes should begin with: no other lab has them, and what is left of them is
  // found even when nobody can be asked.
  prefix: string
  // File with an administrator's access from the host.
  kubeconfig: string
  // Paths of kubectl and kind.
  kubectl: string
  kind: string
  // The versions that machines can be made with.
  from: string
  to: string
  arch: string
  releases: Releases
}

// Makes what is missing of a cluster with Cluster API in it; with `fresh`, a new one. SIGINT and SIGTERM end it, and
// it then throws.
export function managementUp(options: { fresh?: boolean; log?: (line: string) => void } = {}): Promise<Management> {
  if (options.log) logTo(options.log)
  return interruptible(() =>
    alone(async () => {
      await need(engine)
      await need(inotify)
      const kind = await needKind()
      await needNodeImage(from)
      await needNodeImage(to)
      await needLoadBalancerImage()
      await needClusterApiImages()
      const releases = await needReleases()
      const kubectl = await needKubectl(releases)
      const network = await needNetwork(kindNetwork)
      if (options.fresh) await managementCluster.remove()
      await needKindCluster(kind, managementCluster)
      const { kubeconfig } = managementCluster
      await needClusterApi(kubectl, kubeconfig)
      const machine = { cluster, controlPlane: managementControlPlane, network, gateway: await gateway(network) }
      return { ...machine, prefix: workloadPrefix(cluster), kubeconfig, kubectl, kind, from, to, arch, releases }
    }),
  )
}

// Puts an image of the engine into the management cluster, for its Pods.
export function loadImage({ controlPlane }: Pick<Management, 'controlPlane'>, image: string): Promise<void> {
  return interruptible(() => alone(() => needImageIn(controlPlane, image)))
}
