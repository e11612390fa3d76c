import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { etcdWaitsFor } from '../control-plane.ts'
import { missingManifests } from '../static-pods.ts'
import { type Step, waiting } from '../step.ts'
import { isExchangeAtWork, isHalfExchanged } from './exchange.ts'
import { isKubeadmAtWork } from './kubeadm.ts'

const script = shellFile(new URL('restore-manifests.sh', import.meta.url))

/**
 * Control plane only: restores missing manifests of static pods, and waits until etcd is healthy. A kubeadm that was
 * killed between two renames leaves a manifest missing. Without kube-apiserver.yaml, the next kubeadm would treat the
 * machine as a worker and exit 0. Source: kubeadm v1.35.4 cmd/kubeadm/app/util/staticpod/utils.go.
 */
export const manifests: Step = {
  name: 'manifests',
  doing: 'checking the static pods',
  limitSeconds: 300,
  pollSeconds: 5,
  lookSeconds: 3,
  changesMachine: true,
  needs: { sections: ['manifests', 'units', 'etcd', 'work'], membersWithinSeconds: 2 },
  done(situation) {
    // The units of these steps move manifests themselves.
    if (isKubeadmAtWork(situation.observation) || isExchangeAtWork(situation.observation)) return 'done'
    const missing = missingManifests(situation.observation)
    if (missing.length > 0) return waiting(`the manifest of ${missing.join(', ')}`)
    // The exchange that was interrupted may have to finish first.
    const waitsFor = isHalfExchanged(situation) ? undefined : etcdWaitsFor(situation)
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
  action({ observation }) {
    if (missingManifests(observation).length === 0) return undefined
    return { kind: 'run', script, args: [], read: lost }
  },
}

// restore-manifests.sh prints the name of the first manifest without a backup.
function lost(output: string): UpgradeError | undefined {
  const name = output.trim()
  return name === '' ? undefined : new UpgradeError('MANIFEST_MISSING', { name })
}
