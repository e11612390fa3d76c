import { apiServerWaitsFor, etcdWaitsFor } from '../control-plane.ts'
import { staticPodsWaitFor } from '../static-pods.ts'
import { type Step, waiting } from '../step.ts'

/** Control plane only: waits until the static pods run at the target, before the kubelet is replaced. */
export const staticPods: Step = {
  name: 'static-pods',
  doing: 'checking the static pods at the new version',
  limitSeconds: 600,
  pollSeconds: 5,
  lookSeconds: 2,
  changesMachine: false,
  needs: { sections: ['manifests', 'pods', 'etcd'], api: () => ['/readyz'], membersWithinSeconds: 2 },
  done(situation) {
    const { observation, target } = situation
    const waitsFor = staticPodsWaitFor(observation, target) ?? etcdWaitsFor(situation) ?? apiServerWaitsFor(observation)
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
}
