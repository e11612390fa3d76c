import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { wayBackIn } from '../rest-after-failure.ts'
import { type Step, waiting, workDirectory } from '../step.ts'

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
  changes: true,
  needs: { sections: ['kubelet', 'units', 'work'] },
  done({ observation }) {
    const { work, units } = observation
    if (work.key === '' && work.entries.size === 0 && units.length === 0) return 'done'
    return waiting(wayBackIn(observation).length > 0 ? 'the kubelet to stay up' : 'the staged files to be removed')
  },
  // Waits while a rollback may be needed, such as after a lost attempt. At the time limit, the attempt fails and the
  // rollback runs.
  action({ machine, observation }) {
    if (wayBackIn(observation).length > 0) return undefined
    return {
      kind: 'run',
      script,
      args: [workDirectory, machine.name, ...observation.units.map(({ name }) => name)],
      read: (output) => (output.trim() === 'drained' ? new UpgradeError('LOAD_BALANCER_AWAY') : undefined),
    }
  },
}
