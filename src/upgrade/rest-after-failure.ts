import type { Change } from '../machine/change.ts'
import type { Observation } from '../machine/observation.ts'
import { hasInWork, type Situation } from './step.ts'
import { everythingBefore, isHalfExchanged } from './steps/exchange.ts'
import { isKubeletSteady, previousPrograms } from './steps/kubelet.ts'

/**
 * What lets a machine rest whose attempt has failed in any step, or undefined where it can rest as it is. A control plane
 * machine that was exchanged in part, or whose new kubelet does not run, gets back everything from before; any other whose
 * new kubelet does not run gets back its programs. Without a kubelet, a control plane machine that was restarted has no API
 * server either.
 */
export function restAfterFailure(situation: Situation): Change | undefined {
  const isSteady = isKubeletSteady(situation.observation)
  if (hasInWork(situation, 'before')) {
    return isSteady && !isHalfExchanged(situation) ? undefined : everythingBefore(situation)
  }
  return isSteady || !hasInWork(situation, 'previous') ? undefined : previousPrograms
}

/**
 * Entries of the work directory that the next attempt needs, whatever its key: while the machine cannot rest as it is, what
 * there was before is the way back from an attempt that nobody remembers. Empty where the machine can rest as it is.
 */
export function wayBackIn(observation: Observation): string[] {
  const { entries } = observation.work
  const isSteady = isKubeletSteady(observation)
  const kept = { previous: !isSteady, before: !isSteady || !entries.has('exchanged') }
  return Object.entries(kept).flatMap(([entry, isNeeded]) => (isNeeded && entries.has(entry) ? [entry] : []))
}
