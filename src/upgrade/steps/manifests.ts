import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { etcdWaitsFor } from '../control-plane.ts'
import { missingManifests } from '../static-pods.ts'
import { type Step, waiting } from '../step.ts'
import { isExchangeAtWork, isHalfExchanged } from './exchange.ts'
import { isKubeadmAtWork } from './kubeadm.ts'

const script = shellFile(new URL('restore-manifests.sh', import.meta.url))

/**
 * Control plane only: every static pod has its manifest, and etcd is well. A kubeadm that was killed between its two
 * renames leaves a manifest out, and without kube-apiserver.yaml the next kubeadm would take the machine for a worker
 * and exit 0. Source: kubeadm v1.35.4 cmd/kubeadm/app/util/staticpod/utils.go.
 */
export const manifests: Step = {
  name: 'manifests',
  doing: 'checking the static pods',
  limitSeconds: 300,
  pollSeconds: 5,
  lookSeconds: 3,
  changes: true,
  needs: { sections: ['manifests', 'units', 'etcd', 'work'], membersWithinSeconds: 2 },
  done(situation) {
    // They move manifests themselves.
    if (isKubeadmAtWork(situation.observation) || isExchangeAtWork(situation.observation)) return 'done'
    const missing = missingManifests(situation.observation)
    if (missing.length > 0) return waiting(`the manifest of ${missing.join(', ')}`)
    // One that was exchanged in part may come to its end only by that.
    const waitsFor = isHalfExchanged(situation) ? undefined : etcdWaitsFor(situation)
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
  action({ observation }) {
    if (missingManifests(observation).length === 0) return undefined
    return { kind: 'run', script, args: [], read: lost }
  },
}

// The script prints the name of the first manifest that has no backup.
function lost(output: string): UpgradeError | undefined {
  const name = output.trim()
  return name === '' ? undefined : new UpgradeError('MANIFEST_MISSING', { name })
}
