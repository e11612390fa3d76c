import { logTo } from '../host/progress.ts'
import { interruptible } from '../host/run.ts'
import { needClusterApiImages } from './cluster-api-images.ts'
import { needClusterApi } from './cluster-api-in-cluster.ts'
import { engine } from './engine.ts'
import { inotify } from './inotify.ts'
import { kind as needKind } from './kind.ts'
import { needKindCluster } from './kind-cluster.ts'
import { needKubectl } from './kubectl.ts'
import { needLoadBalancerImage } from './load-balancer-image.ts'
import { needImageIn } from './load-image.ts'
import { alone } from './lock.ts'
import { managementCluster } from './management-cluster.ts'
import { arch, management as cluster, kindNetwork, managementControlPlane, workloadPrefix } from './names.ts'
import { gateway, needNetwork } from './network.ts'
import { needNodeImage } from './node-image.ts'
import { needReleases, type Releases } from './releases.ts'
import { need } from './stage.ts'
import { from, to } from './versions.ts'

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
