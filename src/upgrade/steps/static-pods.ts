import { readFacts } from '../../machine/facts.ts'
import { apiServerReady, etcdWaitsFor, staticPodsWaitFor } from '../control-plane.ts'
import { type Step, waiting } from '../step.ts'

// Control plane only: what kubeadm has written does run, before the kubelet is changed under it.
export const staticPods: Step = {
  name: 'static-pods',
  doing: 'checking the static pods at the new version',
  limitSeconds: 600,
  pollSeconds: 5,
  async done(context) {
    const waitsFor =
      staticPodsWaitFor(await readFacts(context.machine), context.target) ?? (await etcdWaitsFor(context))
    if (waitsFor !== undefined) return waiting(waitsFor)
    return (await apiServerReady(context)) ? 'done' : waiting('the API server to be ready')
  },
}
