import { UpgradeError } from '../../errors/upgrade-error.ts'
import { etcdWaitsFor } from '../control-plane.ts'
import { type Step, waiting } from '../step.ts'
import { kubeadmUnderWay } from './kubeadm.ts'

// Control plane only: every static pod has its manifest, and etcd is well. A kubeadm that was killed between
// its two renames leaves a manifest out, and without kube-apiserver.yaml the next kubeadm would take the
// machine for a worker (kubeadm app/util/staticpod/utils.go) and say that all is well.
export const manifests: Step = {
  name: 'manifests',
  doing: 'checking the static pods',
  limitSeconds: 300,
  pollSeconds: 5,
  async done(context) {
    // It moves manifests itself.
    if (await kubeadmUnderWay(context)) return 'done'
    const missing = await context.machine.script(new URL('missing-manifests.sh', import.meta.url))
    if (missing.trim() !== '') return waiting(`the manifest of ${missing.trim().split('\n').join(', ')}`)
    const waitsFor = await etcdWaitsFor(context)
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
  async apply({ machine }) {
    const lost = await machine.script(new URL('restore-manifests.sh', import.meta.url))
    if (lost.trim() !== '') throw new UpgradeError('MANIFEST_MISSING', { name: lost.trim() })
  },
}
