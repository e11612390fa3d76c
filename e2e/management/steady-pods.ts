import type { Kube } from './kube.ts'
import { containerOf, type Machine } from './machines.ts'

// A pod on each worker that does nothing and has to come through an update in place as the same container.
export async function putSteadyPods(workload: Kube, workers: Machine[]): Promise<void> {
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
