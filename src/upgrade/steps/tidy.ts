import { type Step, waiting, workDirectory } from '../step.ts'
import { unitName } from '../unit-step.ts'

// Takes away what the upgrade needed on the way: staged files, kept programs, finished units, and the copies of
// etcd's data that our own runs of kubeadm made. The history stays.
export const tidy: Step = {
  name: 'tidy',
  doing: 'tidying up',
  limitSeconds: 120,
  pollSeconds: 1,
  async done({ machine, target }) {
    // tidy.sh moves the directory away before it removes it.
    const directory = workDirectory(target)
    const isLeft = (await machine.has(directory)) || (await machine.has(`${directory}.old`))
    return isLeft ? waiting('the staged files to be removed') : 'done'
  },
  async apply({ machine, target }) {
    const units = ['binaries', 'images', 'kubeadm', 'kubelet'].map(unitName)
    await machine.script(new URL('tidy.sh', import.meta.url), workDirectory(target), ...units)
  },
}
