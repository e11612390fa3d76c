import { join } from 'node:path'
import { ladder } from '../engine/ladder.ts'
import { cache } from '../host/cache.ts'
import { kindNetwork, managementControlPlane, management as name, nodeImage } from '../host/names.ts'
import type { KindCluster } from './kind-cluster.ts'
import { removeManagementCluster } from './workload-machines.ts'

// The socket of the engine, for the Docker provider.
const socket = /^unix:\/\/(.+)/.exec(process.env.DOCKER_HOST ?? '')?.[1] ?? '/var/run/docker.sock'

/** The management cluster: one machine, in which Cluster API is installed later. */
export const managementCluster: KindCluster = {
  name,
  network: kindNetwork,
  kubeconfig: join(cache, `${name}.kubeconfig`),
  image: async () => nodeImage((await ladder()).to),
  nodes: [{ role: 'control-plane', extraMounts: [{ hostPath: socket, containerPath: '/var/run/docker.sock' }] }],
  containers: [managementControlPlane],
  objects: [],
  awaited: [
    ['kube-system', 'k8s-app=kube-proxy'],
    ['kube-system', 'k8s-app=kube-dns'],
  ],
  remove: () => removeManagementCluster(name),
}
