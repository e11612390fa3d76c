import { UpgradeError } from '../../errors/upgrade-error.ts'
import type { Change } from '../../machine/change.ts'
import { shellFile } from '../../machine/machine.ts'
import type { Observation } from '../../machine/observation.ts'
import { etcdWaitsFor } from '../control-plane.ts'
import { staticPodsWaitFor } from '../static-pods.ts'
import { type EndedUnit, hasInWork, type Situation, type Step, unitNameOf, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('exchange.sh', import.meta.url))

// How long the API server gets to end by itself. It answers open requests in less. After that only watches are left, which
// end with it in any case: measured on three members, one with watches of others did not end within 5 s. At the same
// version its clients on the machine keep running, and lose their leases when it is away for ten seconds.
const stopSeconds = { newVersion: 2, sameVersion: 1 }
// New containers took 7 to 17 s until they were well, on a busy host too. The way back may have to end within one exec.
const wellSeconds = { forward: 120, back: 60 }

/**
 * Control plane only: exchanges all static pods and the programs at once. The kubelet is stopped for this time, and
 * systemd starts it when the unit ends, with any result. If a component does not become healthy, everything from before
 * is restored.
 */
export const exchange: Step = {
  name: 'exchange',
  doing: 'exchanging the static pods and the kubelet',
  // The new ones get two minutes, and the old ones another one where they come back.
  limitSeconds: 300,
  pollSeconds: 2,
  lookSeconds: 1,
  changesMachine: true,
  needsWork: true,
  renewed: ['exchanged'],
  needs: { sections: ['units', 'work', 'kubelet', 'manifests', 'pods', 'etcd'], membersWithinSeconds: 2 },
  usesPrograms: true,
  done(situation) {
    const { observation, target } = situation
    if (hasInWork(situation, 'exchange.refused')) return 'done'
    if (!hasInWork(situation, 'exchanged')) return waiting(membersWaitFor(situation) ?? 'the exchange')
    if (observation.kubelet.version !== target) return waiting(`the kubelet to run ${target}`)
    const waitsFor = staticPodsWaitFor(observation, target)
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
  // After a restart of the container only the pods have to start again.
  action: (situation) =>
    !hasInWork(situation, 'exchanged') && membersWaitFor(situation) === undefined
      ? { kind: 'unit', script, args: argumentsFor('forward', situation), service: 'kubelet' }
      : undefined,
  explain,
  rest: everythingBefore,
  giveUp: (situation) => ({
    change: everythingBefore(situation),
    error: new UpgradeError('EXCHANGE_NOT_ENDED', { target: situation.target }),
  }),
}

/** True while the static pods are exchanged. */
export function isExchangeAtWork({ units }: Observation): boolean {
  return units.some(({ name, state }) => name === unitNameOf(exchange) && state === 'running')
}

/** True when the exchange was prepared and has not come to its end. */
export function isHalfExchanged(situation: Situation): boolean {
  return hasInWork(situation, 'before') && !hasInWork(situation, 'exchanged')
}

/** The change that puts back what there was before the exchange: static pods, programs, configuration of the kubelet. */
export function everythingBefore(situation: Situation): Change {
  return { kind: 'rest', script, args: argumentsFor('back', situation) }
}

function argumentsFor(way: 'forward' | 'back', situation: Situation): string[] {
  const { machine, observation, settings, target } = situation
  const isSameVersion = way === 'forward' && observation.kubelet.version === target
  const seconds = stopSeconds[isSameVersion ? 'sameVersion' : 'newVersion']
  return [way, workDirectory, machine.name, settings.loadBalancer, String(seconds), String(wellSeconds[way])]
}

// The health of each member is read with a request that needs a quorum. The member of a machine that an exchange has left
// without etcd has nothing to lose, and the others may be waiting for it.
function membersWaitFor(situation: Situation): string | undefined {
  const isDown = isHalfExchanged(situation) && situation.observation.etcdHealthy === false
  return isDown ? undefined : etcdWaitsFor(situation)
}

function explain({ exitCode, log, name: unit }: EndedUnit): UpgradeError {
  const details = { detail: log }
  const [, component = 'a component', line = ''] = /^component ([a-z-]+): (.*)$/m.exec(log) ?? []
  const cause = line.slice(0, 300) || 'it logged no reason'
  switch (exitCode) {
    case 49:
      return new UpgradeError('EXCHANGE_UNDONE', { component, cause }, details)
    case 50:
      return new UpgradeError('EXCHANGE_UNDONE_UNWELL', { component, cause }, details)
    case 51:
      return new UpgradeError('ETCD_MEMBER_UNWELL', {}, details)
    default:
      return new UpgradeError('UNIT_FAILED', { unit }, details)
  }
}
