import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { hasInWork, type Step, waiting, workDirectory } from '../step.ts'
import { explainMissing } from './kubeadm.ts'

const script = shellFile(new URL('render.sh', import.meta.url))

/**
 * Lets the new kubeadm render the manifests of the static pods without applying them. Where they would not be what
 * `kubeadm upgrade node` renders, the machine takes kubeadm's own way, and the log has the reason. A unit, since proxy
 * variables of its environment become part of the manifests: kubeadm itself runs as one, too.
 */
export const render: Step = {
  name: 'render',
  doing: 'rendering the static pods',
  limitSeconds: 120,
  pollSeconds: 2,
  lookSeconds: 1,
  changes: false,
  needsWork: true,
  renewed: ['rendered', 'exchange.refused'],
  needs: { sections: ['units', 'work'] },
  usesPrograms: true,
  done: (situation) =>
    hasInWork(situation, 'rendered') || hasInWork(situation, 'exchange.refused')
      ? 'done'
      : waiting('the rendered manifests'),
  action: ({ machine, target, patches }) => ({
    kind: 'unit',
    script,
    args: [workDirectory, machine.name, target, patches ?? '-'],
  }),
  // kubeadm that cannot render is no failure of the unit.
  explain: ({ exitCode, log, name: unit }) =>
    explainMissing(exitCode, log) ?? new UpgradeError('UNIT_FAILED', { unit }, { detail: log }),
  remark: ({ observation: { work } }) =>
    work.exchangeRefused === undefined
      ? undefined
      : `the static pods are exchanged one by one: ${work.exchangeRefused || 'there is no reason'}`,
}
