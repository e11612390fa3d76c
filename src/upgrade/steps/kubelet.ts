import { UpgradeError } from '../../errors/upgrade-error.ts'
import { atLeastMinor } from '../../kubernetes/versions.ts'
import type { Change } from '../../machine/change.ts'
import { shellFile } from '../../machine/machine.ts'
import type { Observation } from '../../machine/observation.ts'
import { type EndedUnit, hasInWork, type Situation, type Step, unitNameOf, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('kubelet.sh', import.meta.url))
const restore = shellFile(new URL('restore-kubelet.sh', import.meta.url))

// Flags that a kubelet of this minor and later does not start with. kubeadm v1.35 removes it from
// kubeadm-flags.env and v1.36 does not (kubernetes/kubernetes PR 133778, 135807), so a worker that passes over
// v1.35 would keep it.
const removedFlags = [{ minor: 35, flag: 'pod-infra-container-image' }]

// systemctl restart reports nothing of a kubelet that ends again, and Restart=always hides it: so the process has to
// have lived for a while.
const steadySeconds = 5

/** Puts kubelet, kubectl and kubeadm in place and restarts the kubelet. */
export const kubelet: Step = {
  name: 'kubelet',
  doing: 'putting the new kubelet in place',
  limitSeconds: 150,
  pollSeconds: 2,
  lookSeconds: 1,
  changes: true,
  needsWork: true,
  needs: { sections: ['kubelet', 'units', 'work'] },
  usesPrograms: true,
  done: ({ observation, target }) =>
    runsSteadily(observation, target) ? 'done' : waiting('the new kubelet to stay up'),
  // A kubelet that runs the target has been put in place, also where its unit went with the container's restart.
  action: ({ target, observation }) =>
    observation.kubelet.version === target
      ? undefined
      : { kind: 'unit', script, args: [workDirectory, target, ...flagsRemovedAt(target)] },
  explain: ({ log, name: unit }: EndedUnit) => new UpgradeError('UNIT_FAILED', { unit }, { detail: log }),
  giveUp: ({ target, observation }) => ({
    change: { kind: 'rest', script: restore, args: [workDirectory] },
    error: new UpgradeError('KUBELET_NOT_UP', { target, cause: observation.kubelet.lastLine || 'it logged no reason' }),
  }),
}

/** True while the programs are exchanged. */
export function isKubeletAtWork({ units }: Observation): boolean {
  return units.some(({ name, state }) => name === unitNameOf(kubelet) && state === 'running')
}

/**
 * What lets a machine rest whose attempt has failed in any step: where the new kubelet was put in place and does not run, or
 * only some of the new programs were,
 * the one from before is put back, else undefined. Without a kubelet, a control plane machine that was restarted has no API server either.
 */
export function restAfterFailure(situation: Situation): Change | undefined {
  if (wayBackIn(situation.observation).length === 0 || !hasInWork(situation, 'previous')) return undefined
  return { kind: 'rest', script: restore, args: [workDirectory] }
}

/**
 * Entries of the work directory that the next attempt needs, whatever its key: while the kubelet does not run, or the
 * programs are of two versions, those from before are the way back from an attempt that nobody remembers. Empty where the
 * machine can rest as it is.
 */
export function wayBackIn(observation: Observation): string[] {
  const { entries } = observation.work
  const isAtRest = isKubeletSteady(observation) && !entries.has('exchanging')
  return entries.has('previous') && !isAtRest ? ['previous', 'exchanging'] : []
}

/** True when the running kubelet is the target's, healthy, and has been the same process for a while. */
export function runsSteadily(observation: Observation, target: string): boolean {
  return observation.kubelet.version === target && isKubeletSteady(observation)
}

/** True when the running kubelet is healthy and has been the same process for a while. */
function isKubeletSteady({ kubelet: { healthy, ageSeconds } }: Observation): boolean {
  return healthy && ageSeconds >= steadySeconds
}

/** The kubelet flags that a kubelet of this version does not start with, and that go from kubeadm's file. */
export function flagsRemovedAt(target: string): string[] {
  return removedFlags.filter(({ minor }) => atLeastMinor(target, minor)).map(({ flag }) => flag)
}
