import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { hasInWork, type Step, waiting, workDirectory } from '../step.ts'
import { images } from './images.ts'
import { explainMissing } from './kubeadm.ts'

const script = shellFile(new URL('render.sh', import.meta.url))

/**
 * Control plane only: renders the manifests of the static pods with the new kubeadm, without applying them. When they
 * would differ from those of `kubeadm upgrade node`, kubeadm upgrades the machine itself, and the log has the reason.
 * This is a unit like the step kubeadm, because proxy variables of the environment become part of the manifests.
 */
export const render: Step = {
  name: 'render',
  doing: 'rendering the static pods',
  limitSeconds: 120,
  pollSeconds: 2,
  lookSeconds: 1,
  changesMachine: false,
  needsWork: true,
  renewed: ['rendered', 'etcd.kept', 'exchange.refused'],
  alongside: [images],
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
  // An error of kubeadm does not fail the unit: it makes the machine take kubeadm's way.
  explain: ({ exitCode, log, name: unit }) =>
    explainMissing(exitCode, log) ?? new UpgradeError('UNIT_FAILED', { unit }, { detail: log }),
  remark: ({ observation: { work } }) =>
    work.exchangeRefused === undefined
      ? undefined
      : `the static pods are exchanged one by one: ${work.exchangeRefused || 'no reason was recorded'}`,
}
