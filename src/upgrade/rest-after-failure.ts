import type { Change } from '../machine/change.ts'
import type { Observation } from '../machine/observation.ts'
import { hasInWork, type Situation } from './step.ts'
import { everythingBefore, isHalfExchanged } from './steps/exchange.ts'
import { isKubeletSteady, previousPrograms } from './steps/kubelet.ts'

/**
 * What lets a machine rest whose attempt has failed in any step, or undefined where it can rest as it is. A control plane
 * machine that was exchanged in part, or whose new kubelet does not run, gets back everything from before; any other whose
 * new kubelet does not run, or that has only some of the new programs, gets back its programs. Without a kubelet, a control
 * plane machine that was restarted has no API server either.
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
 * Entries of the work directory that the next attempt needs, whatever its key: while the kubelet does not run, or the machine
 * is exchanged in part, the way back from an attempt whose record is lost needs what there was before it. Empty where the
 * machine can rest as it is.
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
