import { logTo } from '../../host/progress.ts'
import { interruptible } from '../../host/run.ts'
import { kind as needKind } from '../build/kind.ts'
import { needNodeImage } from '../build/node-image.ts'
import { labClusterOf } from '../cluster/cluster.ts'
import { needKindCluster } from '../cluster/kind-cluster.ts'
import { needReleases, type Releases } from '../cluster/releases.ts'
import { engine } from '../engine/engine.ts'
import { gateway, needNetwork } from '../engine/network.ts'
import { alone } from '../host/lock.ts'
import { arch, cluster, controlPlane, network, worker } from '../host/names.ts'
import { need } from '../host/stage.ts'
import { from, to } from '../host/versions.ts'

export interface Lab {
  // Name of the kind cluster, and of its two machine containers.
  cluster: string
  controlPlane: string
  worker: string
  // All worker containers; the first is `worker`.
  workers: string[]
  // The machines' Docker network, and the host's address on it: what listens there is reached by the machines.
  network: string
  gateway: string
  // File with an administrator's access from the host.
  kubeconfig: string
  // The version of new machines, the version to go to, and the latter's machine image.
  from: string
  to: string
  toImage: string
  arch: string
  releases: Releases
  // Path of kind.
  kind: string
}

interface Options {
  fresh?: boolean
  // How many workers there are at least; 1 by default.
  workers?: number
  log?: (line: string) => void
}

// Makes what is missing; with `fresh`, machines as new. SIGINT and SIGTERM end it, and it then throws.
export function labUp(options: Options = {}): Promise<Lab> {
  if (options.log) logTo(options.log)
  return interruptible(() =>
    alone(async () => {
      await need(engine)
      const kind = await needKind()
      await needNodeImage(from)
      const toImage = await needNodeImage(to)
      const releases = await needReleases()
      await needNetwork(network)
      const kindCluster = labClusterOf(options.workers ?? 1)
      if (options.fresh) await kindCluster.remove()
      await needKindCluster(kind, kindCluster)
      const { kubeconfig, workers } = kindCluster
      const machines = { cluster, controlPlane, worker, workers, network, gateway: await gateway(network), kubeconfig }
      return { ...machines, from, to, toImage, arch, releases, kind }
    }),
  )
}
