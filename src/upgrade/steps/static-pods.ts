import { apiServerReady, etcdWaitsFor } from '../control-plane.ts'
import { staticPodsWaitFor } from '../static-pods.ts'
import { type Step, waiting } from '../step.ts'

/** Control plane only: what kubeadm has written does run, before the kubelet is changed under it. */
export const staticPods: Step = {
  name: 'static-pods',
  doing: 'checking the static pods at the new version',
  limitSeconds: 600,
  pollSeconds: 5,
  lookSeconds: 2,
  changes: false,
  needs: { sections: ['manifests', 'pods', 'etcd'], api: () => ['/readyz'], membersWithinSeconds: 2 },
  done(situation) {
    const waitsFor = staticPodsWaitFor(situation.observation, situation.target) ?? etcdWaitsFor(situation)
    if (waitsFor !== undefined) return waiting(waitsFor)
    return apiServerReady(situation.observation) ? 'done' : waiting('the API server to be ready')
  },
}
