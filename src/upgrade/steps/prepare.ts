import { shellFile } from '../../machine/machine.ts'
import { hasInWork, type Step, waiting, workDirectory } from '../step.ts'
import { everythingBefore } from './exchange.ts'
import { images } from './images.ts'
import { explainKubeadm, upgradeNodeArguments } from './kubeadm.ts'

const script = shellFile(new URL('prepare.sh', import.meta.url))

/**
 * Control plane only: does the work of `kubeadm upgrade node` except for the static pods, while everything is running,
 * and puts the new manifests and programs next to their places.
 */
export const prepare: Step = {
  name: 'prepare',
  doing: 'preparing the exchange',
  limitSeconds: 300,
  pollSeconds: 2,
  lookSeconds: 1,
  changesMachine: true,
  needsWork: true,
  renewed: ['prepared'],
  alongside: [images],
  needs: { sections: ['units', 'work'] },
  usesPrograms: true,
  done: (situation) =>
    hasInWork(situation, 'prepared') || hasInWork(situation, 'exchange.refused') ? 'done' : waiting('the preparation'),
  action: (situation) => {
    const [configuration, ...flags] = upgradeNodeArguments(situation, ['control-plane'])
    return {
      kind: 'unit',
      script,
      args: [workDirectory, situation.patches ?? '-', configuration, ...flags],
    }
  },
  explain: explainKubeadm,
  rest: everythingBefore,
}
