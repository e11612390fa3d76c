import { UpgradeError } from '../../errors/upgrade-error.ts'
import { atLeastMinor } from '../../kubernetes/versions.ts'
import type { Change } from '../../machine/change.ts'
import { shellFile } from '../../machine/machine.ts'
import type { Observation } from '../../machine/observation.ts'
import { type EndedUnit, type Step, unitNameOf, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('kubelet.sh', import.meta.url))
const restore = shellFile(new URL('restore-kubelet.sh', import.meta.url))

// Flags that prevent a kubelet of this minor version and later from starting. kubeadm v1.35 removes the flag from
// kubeadm-flags.env, but v1.36 does not (kubernetes/kubernetes PR 133778, 135807), so a worker that skips v1.35 would
// keep it.
const removedFlags = [{ minor: 35, flag: 'pod-infra-container-image' }]

// `systemctl restart` succeeds even if the kubelet exits right afterwards, and Restart=always hides that. So the
// process has to reach a minimum age.
const steadySeconds = 5

/** Restores the programs that this step has kept, if any, and restarts the kubelet. */
export const previousPrograms: Change = { kind: 'rest', script: restore, args: [workDirectory] }

/** Installs kubelet, kubectl and kubeadm, and restarts the kubelet. */
export const kubelet: Step = {
  name: 'kubelet',
  doing: 'putting the new kubelet in place',
  limitSeconds: 150,
  pollSeconds: 2,
  lookSeconds: 1,
  changesMachine: true,
  needsWork: true,
  needs: { sections: ['kubelet', 'units', 'work'] },
  usesPrograms: true,
  done: ({ observation, target }) =>
    runsSteadily(observation, target) ? 'done' : waiting('the new kubelet to stay up'),
  // A running kubelet of the target was installed, even if its unit is missing after a restart of the container.
  action: ({ target, observation }) =>
    observation.kubelet.version === target
      ? undefined
      : { kind: 'unit', script, args: [workDirectory, target, ...flagsRemovedAt(target)] },
  explain: ({ log, name: unit }: EndedUnit) => new UpgradeError('UNIT_FAILED', { unit }, { detail: log }),
  giveUp: ({ target, observation }) => ({
    change: previousPrograms,
    error: new UpgradeError('KUBELET_NOT_UP', { target, cause: observation.kubelet.lastLine || 'it logged no reason' }),
  }),
}

/** True while the unit of this step is running. */
export function isKubeletAtWork({ units }: Observation): boolean {
  return units.some(({ name, state }) => name === unitNameOf(kubelet) && state === 'running')
}

/** True when the running kubelet has the version of the target, is healthy, and has reached a minimum age. */
export function runsSteadily(observation: Observation, target: string): boolean {
  return observation.kubelet.version === target && isKubeletSteady(observation)
}

/** True when the running kubelet is healthy and has reached a minimum age. */
export function isKubeletSteady({ kubelet: { healthy, ageSeconds } }: Observation): boolean {
  return healthy && ageSeconds >= steadySeconds
}

/** The flags that a kubelet of this version does not support, and that are removed from kubeadm-flags.env. */
export function flagsRemovedAt(target: string): string[] {
  return removedFlags.filter(({ minor }) => atLeastMinor(target, minor)).map(({ flag }) => flag)
}
