import { join } from 'node:path'
import { ladder } from '../engine/ladder.ts'
import { cache } from '../host/cache.ts'
import { controlPlane, cluster as name, network, nodeImage, worker } from '../host/names.ts'
import type { KindCluster } from './kind-cluster.ts'
import { machines, removeMachines } from './machines.ts'
import { steadyPod } from './steady-pod.ts'

/**
 * One control plane machine and so many workers, named as kind names them: worker, worker2, worker3, … They have the version
 * to upgrade from, or the one to upgrade to.
 */
export function labClusterOf(
  workers: number,
  at: 'from' | 'to' = 'from',
): KindCluster & { workers: [string, ...string[]] } {
  const others = Array.from({ length: workers - 1 }, (_, i) => `${worker}${i + 2}`)
  return {
    name,
    network,
    kubeconfig: join(cache, `${name}.kubeconfig`),
    image: async () => nodeImage((await ladder())[at]),
    nodes: [{ role: 'control-plane' }, ...[worker, ...others].map(() => ({ role: 'worker' as const }))],
    containers: [controlPlane, worker, ...others],
    workers: [worker, ...others],
    objects: [steadyPod],
    awaited: [
      ['kube-system', 'k8s-app=kube-proxy'],
      ['kube-system', 'k8s-app=kube-dns'],
      ['default', 'app=steady'],
    ],
    remove: async () => removeMachines(await machines({ name, network })),
  }
}

/** One control plane machine and one worker. */
export const labCluster: KindCluster = labClusterOf(1)
