import type { Change } from '../machine/change.ts'
import type { Observation } from '../machine/observation.ts'
import { hasInWork, type Situation } from './step.ts'
import { everythingBefore, isHalfExchanged } from './steps/exchange.ts'
import { isKubeletSteady, previousPrograms } from './steps/kubelet.ts'

/**
 * The rollback after a failed attempt, or undefined where the machine can stay as it is. A control plane machine whose
 * exchange is incomplete, or whose new kubelet does not run, gets everything back. Any other machine whose new kubelet
 * does not run, or that has only some of the new programs, gets its programs back. Without a kubelet, a control plane
 * machine would have no API server after a restart.
 */
export function restAfterFailure(situation: Situation): Change | undefined {
  if (hasInWork(situation, 'before')) {
    const isSteady = isKubeletSteady(situation.observation)
    return isSteady && !isHalfExchanged(situation) ? undefined : everythingBefore(situation)
  }
  const isNeeded = hasInWork(situation, 'previous') && wayBackIn(situation.observation).length > 0
  return isNeeded ? previousPrograms : undefined
}

/**
 * The entries of the work directory that any next attempt must keep for a rollback: while the kubelet does not run or
 * an exchange is incomplete, they hold the previous state, even if the record of their attempt is lost. Empty where the
 * machine can stay as it is.
 */
export function wayBackIn(observation: Observation): string[] {
  const { entries } = observation.work
  const isSteady = isKubeletSteady(observation)
  const programs = entries.has('previous') && (!isSteady || entries.has('exchanging'))
  const everything = entries.has('before') && (!isSteady || !entries.has('exchanged'))
  return [
    ...(programs ? ['previous', 'exchanging'] : []),
    ...(everything ? ['before', 'exchange.begun', 'undoing'] : []),
  ]
}
