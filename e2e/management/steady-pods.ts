import type { Kube } from './kube.ts'
import { type CapiMachine, containerOf } from './machines.ts'

/** Makes a pod on each worker, which has to keep its container through an in-place update, and waits until they are Ready. */
export async function putSteadyPods(workload: Kube, workers: CapiMachine[]): Promise<void> {
  const pods = workers.map(containerOf).map((nodeName) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `steady-${nodeName}`, namespace: 'default', labels: { app: 'steady' } },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'steady', image: 'registry.k8s.io/pause:3.10', imagePullPolicy: 'IfNotPresent' }],
    },
  }))
  await workload.apply(pods)
  await workload.run(['wait', 'pod', '-l=app=steady', '--for=condition=Ready', '--timeout=90s'])
}
