import { join } from 'node:path'
import { ladder } from '../engine/ladder.ts'
import { cache } from '../host/cache.ts'
import type { ClusterApiRelease } from '../host/cluster-api-releases.ts'
import { kindNetwork, managementName, nodeImage } from '../host/names.ts'
import type { KindCluster } from './kind-cluster.ts'
import { removeManagementCluster } from './workload-machines.ts'

// The socket of the engine, for the Docker provider.
const socket = /^unix:\/\/(.+)/.exec(process.env.DOCKER_HOST ?? '')?.[1] ?? '/var/run/docker.sock'

/** The management cluster of a release of Cluster API: one machine, in which the release is installed later. */
export function managementCluster(release: ClusterApiRelease): KindCluster {
  const name = managementName(release)
  return {
    name,
    network: kindNetwork,
    kubeconfig: join(cache, `${name}.kubeconfig`),
    image: async () => nodeImage((await ladder()).to),
    nodes: [{ role: 'control-plane', extraMounts: [{ hostPath: socket, containerPath: '/var/run/docker.sock' }] }],
    containers: [`${name}-control-plane`],
    objects: [],
    awaited: [
      ['kube-system', 'k8s-app=kube-proxy'],
      ['kube-system', 'k8s-app=kube-dns'],
    ],
    remove: () => removeManagementCluster(name),
  }
}
