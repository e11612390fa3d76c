import { UpgradeError } from '../../errors/upgrade-error.ts'
import { atLeastMinor } from '../../kubernetes/versions.ts'
import { readFacts } from '../../machine/facts.ts'
import { clearUnit } from '../../machine/unit.ts'
import { type Context, waiting, workDirectory } from '../step.ts'
import { unitName, unitStep } from '../unit-step.ts'

// Flags that a kubelet of this minor and later does not start with. kubeadm v1.35 removes it from
// kubeadm-flags.env and v1.36 does not (kubernetes/kubernetes PR 133778, 135807), so a worker that passes over
// v1.35 would keep it.
const removedFlags = [{ minor: 35, flag: 'pod-infra-container-image' }]

// Puts kubelet, kubectl and kubeadm in place and restarts the kubelet.
export const kubelet = unitStep({
  name: 'kubelet',
  doing: 'putting the new kubelet in place',
  limitSeconds: 150,
  pollSeconds: 2,
  script: new URL('kubelet.sh', import.meta.url),
  args: ({ target }) => [
    workDirectory(target),
    target,
    ...removedFlags.filter(({ minor }) => atLeastMinor(target, minor)).map(({ flag }) => flag),
  ],
  done: async (context) => ((await runsSteadily(context)) ? 'done' : waiting('the new kubelet to stay up')),
  explain: ({ log, unit }) => new UpgradeError('UNIT_FAILED', { unit }, { detail: log }),
  async overdue({ machine, target }) {
    const detail = await machine.run(['journalctl', '-u', 'kubelet', '-o', 'cat', '--no-pager', '-n', '40'])
    return new UpgradeError('KUBELET_NOT_UP', { target }, { detail })
  },
  async giveUp({ machine, target }) {
    await clearUnit(machine, unitName('kubelet'))
    await machine.script(new URL('restore-kubelet.sh', import.meta.url), workDirectory(target))
  },
})

// systemctl restart says nothing of a kubelet that ends again, and Restart=always hides it: so the process
// must be the target's, be healthy, and be the same one after a while.
export async function runsSteadily({ machine, target, clock }: Context): Promise<boolean> {
  const { kubelet: first } = await readFacts(machine)
  if (first.version !== target || !first.healthy) return false
  await clock.sleep(3)
  const { kubelet: second } = await readFacts(machine)
  return second.pid === first.pid && second.restarts === first.restarts && second.healthy
}
