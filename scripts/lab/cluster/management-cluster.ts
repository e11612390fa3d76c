import { join } from 'node:path'
import { cache } from '../host/cache.ts'
import { kindNetwork, managementControlPlane, management as name, nodeImage } from '../host/names.ts'
import { to } from '../host/versions.ts'
import type { KindCluster } from './kind-cluster.ts'
import { removeManagement } from './workload.ts'

// The engine's own socket, for the Docker provider.
const socket = /^unix:\/\/(.+)/.exec(process.env.DOCKER_HOST ?? '')?.[1] ?? '/var/run/docker.sock'

// One machine, with Cluster API to come into it.
export const managementCluster: KindCluster = {
  name,
  network: kindNetwork,
  kubeconfig: join(cache, `${name}.kubeconfig`),
  image: nodeImage(to),
  nodes: [{ role: 'control-plane', extraMounts: [{ hostPath: socket, containerPath: '/var/run/docker.sock' }] }],
  containers: [managementControlPlane],
  objects: [],
  awaited: [
    ['kube-system', 'k8s-app=kube-proxy'],
    ['kube-system', 'k8s-app=kube-dns'],
  ],
  remove: () => removeManagement(name),
}
