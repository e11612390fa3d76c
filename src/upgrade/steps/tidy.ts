import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { wayBackIn } from '../rest-after-failure.ts'
import { manifestVersions } from '../static-pods.ts'
import { type Situation, type Step, waiting, workDirectory } from '../step.ts'
import { isKubeletSteady } from './kubelet.ts'

const script = shellFile(new URL('tidy.sh', import.meta.url))

/**
 * Removes what the upgrade has left behind: staged files, kept programs, units, and the copies of etcd's data that our
 * runs of kubeadm made. Makes the machine ready at the load balancer if it is still drained. The attempt record is
 * kept.
 */
export const tidy: Step = {
  name: 'tidy',
  doing: 'tidying up',
  limitSeconds: 120,
  pollSeconds: 1,
  lookSeconds: 1,
  changesMachine: true,
  needs: { sections: ['kubelet', 'units', 'work', 'manifests'] },
  done(situation) {
    const { work, units } = situation.observation
    if (work.key === '' && work.entries.size === 0 && units.length === 0) return 'done'
    return waiting(isRollbackNeeded(situation) ? 'the kubelet to stay up' : 'the staged files to be removed')
  },
  // At the time limit, the attempt fails and the rollback runs.
  action(situation) {
    if (isRollbackNeeded(situation)) return undefined
    const { machine, observation } = situation
    return {
      kind: 'run',
      script,
      args: [workDirectory, machine.name, ...observation.units.map(({ name }) => name)],
      read: (output) => (output.trim() === 'drained' ? new UpgradeError('LOAD_BALANCER_AWAY') : undefined),
    }
  },
}

// True when an attempt that changes files alone finds what a lost attempt left: the kubelet does not run, or the machine
// is between two versions. Any other attempt has checked the machine at its version just before.
function isRollbackNeeded({ observation, settings }: Situation): boolean {
  if (settings.changes !== 'files' || wayBackIn(observation).length === 0) return false
  const versions = new Set([observation.kubelet.version, ...manifestVersions(observation)])
  return !isKubeletSteady(observation) || versions.size > 1 || observation.work.entries.has('exchanging')
}
