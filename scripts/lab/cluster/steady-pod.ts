import { worker } from '../host/names.ts'

/** A pod on the worker that does nothing. An upgrade must keep its container, without a restart. */
export const steadyPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'steady', namespace: 'default', labels: { app: 'steady' } },
  spec: {
    nodeName: worker,
    terminationGracePeriodSeconds: 1,
    // Every machine has it: it is the sandbox image of kind's containerd, and the lab's machine images contain it too.
    containers: [{ name: 'steady', image: 'registry.k8s.io/pause:3.10', imagePullPolicy: 'IfNotPresent' }],
  },
}
