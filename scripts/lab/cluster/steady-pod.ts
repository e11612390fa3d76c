import { worker } from '../host/names.ts'

// A pod on the worker that does nothing: it has to come through an upgrade as the same container, not restarted.
export const steadyPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'steady', namespace: 'default', labels: { app: 'steady' } },
  spec: {
    nodeName: worker,
    terminationGracePeriodSeconds: 1,
    // On every machine already: kind's images hold their pods open with it, and ours have it too.
    containers: [{ name: 'steady', image: 'registry.k8s.io/pause:3.10', imagePullPolicy: 'IfNotPresent' }],
  },
}
