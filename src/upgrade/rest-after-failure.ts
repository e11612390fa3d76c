import type { Change } from '../machine/change.ts'
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
