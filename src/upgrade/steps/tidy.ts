import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { wayBackIn } from '../rest-after-failure.ts'
import { type Step, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('tidy.sh', import.meta.url))

/**
 * Removes what the upgrade needed on the way: staged files, kept programs, finished units, and the copies of etcd's
 * data that our own runs of kubeadm made. Where the machine is still drained at the load balancer, it is made ready there.
 * The record of the attempt stays.
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
  // An attempt that changes files alone may find what a lost one has left: it fails then, and the machine gets it back.
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
