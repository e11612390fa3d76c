import { join } from 'node:path'
import { cache } from './cache.ts'
import type { KindCluster } from './kind-cluster.ts'
import { machines, removeMachines } from './machines.ts'
import { controlPlane, cluster as name, network, nodeImage, worker } from './names.ts'
import { steadyPod } from './steady-pod.ts'
import { from } from './versions.ts'

// One control plane machine and one worker.
export const labCluster: KindCluster = {
  name,
  network,
  kubeconfig: join(cache, `${name}.kubeconfig`),
  image: nodeImage(from),
  nodes: [{ role: 'control-plane' }, { role: 'worker' }],
  containers: [controlPlane, worker],
  objects: [steadyPod],
  awaited: [
    ['kube-system', 'k8s-app=kube-proxy'],
    ['kube-system', 'k8s-app=kube-dns'],
    ['default', 'app=steady'],
  ],
  remove: async () => removeMachines(await machines({ name, network })),
}
