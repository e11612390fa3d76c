import { shellFile } from '../../machine/machine.ts'
import { type Step, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('tidy.sh', import.meta.url))

/**
 * Removes what the upgrade needed on the way: staged files, kept programs, finished units, and the copies of etcd's
 * data that our own runs of kubeadm made. The record of the attempt stays.
 */
export const tidy: Step = {
  name: 'tidy',
  doing: 'tidying up',
  limitSeconds: 120,
  pollSeconds: 1,
  lookSeconds: 1,
  changes: true,
  needs: { sections: ['units', 'work'] },
  done: ({ observation: { work, units } }) =>
    work.key === '' && work.entries.size === 0 && units.length === 0
      ? 'done'
      : waiting('the staged files to be removed'),
  action: ({ observation: { units } }) => ({
    kind: 'run',
    script,
    args: [workDirectory, ...units.map(({ name }) => name)],
  }),
}
