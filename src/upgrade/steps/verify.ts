import type { MachineIdentity } from '../../machine/machine.ts'
import type { Observation } from '../../machine/observation.ts'
import { malformed, objectIn } from '../api-answer.ts'
import { apiServerWaitsFor, etcdWaitsFor } from '../control-plane.ts'
import { podNotAsItsManifest, podWithout } from '../pod-settings.ts'
import { staticPodsWaitFor, youngestStaticPod } from '../static-pods.ts'
import { type Situation, type Step, waiting } from '../step.ts'
import { isKubeadmAtWork } from './kubeadm.ts'
import { isKubeletAtWork, runsSteadily } from './kubelet.ts'

// After the kubelet's change the static pods start once more, some seconds after the kubelet. Cluster API goes on to
// the next member as soon as it gets "done", so that is over before it does.
const settledSeconds = { kubelet: 10, pods: 5 }

const nodePath = ({ name }: MachineIdentity) => `/api/v1/nodes/${name}`
const podsPath = ({ name }: MachineIdentity) =>
  `/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane&fieldSelector=spec.nodeName%3D${name}`

/** Checks that the machine is at the target. It is also evaluated first: if it is done, nothing is left to do. */
export const verify: Step = {
  name: 'verify',
  doing: 'checking the machine at the new version',
  limitSeconds: 600,
  pollSeconds: 2,
  lookSeconds: 1,
  changesMachine: false,
  needs: {
    // The last one is for tidy, which then needs no look of its own.
    sections: ['kubelet', 'pods', 'manifests', 'processes', 'etcd', 'units', 'work'],
    api: (machine) =>
      machine.role === 'worker' ? [nodePath(machine)] : [nodePath(machine), podsPath(machine), '/readyz'],
    membersWithinSeconds: 2,
  },
  done(situation) {
    const waitsFor = unitsWaitFor(situation) ?? kubeletWaitsFor(situation) ?? controlPlaneWaitsFor(situation)
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
}

interface Condition {
  type?: unknown
  status?: unknown
  lastHeartbeatTime?: unknown
}

interface Status {
  nodeInfo?: { kubeletVersion?: unknown } | null
  conditions?: unknown
}

/** The version of the kubelet that the Node reports; undefined where it cannot be read. */
export function nodeKubeletVersion({ machine, observation }: Situation): string | undefined {
  const node = nodeIn(machine, observation)
  const version = 'value' in node ? node.value.status?.nodeInfo?.kubeletVersion : undefined
  return typeof version === 'string' ? version : undefined
}

function nodeIn(machine: MachineIdentity, { api }: Observation) {
  return objectIn<{ status?: Status | null }>(`the Node ${machine.name}`, api.get(nodePath(machine)))
}

// Another process of the same attempt may be a step behind. The machine is not what it will be while its units change it.
function unitsWaitFor({ observation }: Situation): string | undefined {
  if (isKubeadmAtWork(observation)) return 'kubeadm'
  return isKubeletAtWork(observation) ? 'the new kubelet to be in place' : undefined
}

function kubeletWaitsFor({ machine, observation, target }: Situation): string | undefined {
  const { kubelet, now } = observation
  if (kubelet.version !== target) return `the kubelet to run ${target}`
  const node = nodeIn(machine, observation)
  if ('waitsFor' in node) return node.waitsFor
  const { status } = node.value
  if (status?.nodeInfo?.kubeletVersion !== target) return `the Node to report ${target}`
  const ready = readyIn(status)
  // A Ready from before the restart is not about the new kubelet. Times in the API have whole seconds.
  const isFresh =
    ready !== undefined && Date.parse(String(ready.lastHeartbeatTime)) / 1000 >= now - kubelet.ageSeconds - 1
  if (ready?.status !== 'True' || !isFresh) return 'the Node to be Ready'
  return runsSteadily(observation, target) ? undefined : 'the kubelet to stay up'
}

const settle = 'the static pods to settle'

function controlPlaneWaitsFor(situation: Situation): string | undefined {
  const { machine, observation, target } = situation
  if (machine.role === 'worker') return undefined
  const waitsFor =
    staticPodsWaitFor(observation, target) ??
    settingsWaitFor(situation) ??
    etcdWaitsFor(situation) ??
    apiServerWaitsFor(observation)
  if (waitsFor !== undefined) return waitsFor
  const isSettled =
    observation.kubelet.ageSeconds >= settledSeconds.kubelet &&
    (youngestStaticPod(observation) ?? 0) >= settledSeconds.pods
  return isSettled ? mirrorPodsWaitFor(situation) : settle
}

// The processes are compared too: a manifest does not show what runs.
function settingsWaitFor({ pods, observation }: Situation): string | undefined {
  if (pods === undefined) return undefined
  const pod = podWithout(pods, observation)
  if (pod !== undefined) return `the manifest of ${pod} with its new settings`
  const other = podNotAsItsManifest(observation)
  return other && `${other} to run with the settings of its manifest`
}

// What the controllers of Cluster API look at next: the mirror pods of the control plane are Ready. One that a kubelet
// has just made has no conditions at all, for some seconds.
function mirrorPodsWaitFor({ machine, observation }: Situation): string | undefined {
  const what = 'the static pods'
  const found = objectIn<{ items?: unknown }>(what, observation.api.get(podsPath(machine)))
  if ('waitsFor' in found) return found.waitsFor
  const { items } = found.value
  if (!Array.isArray(items)) return malformed(what)
  const pods = items as ({ status?: Status | null } | null)[]
  return pods.length > 0 && pods.every((pod) => readyIn(pod?.status)?.status === 'True') ? undefined : settle
}

function readyIn(status: Pick<Status, 'conditions'> | null | undefined): Condition | undefined {
  const conditions = status?.conditions
  return Array.isArray(conditions) ? conditions.find((condition) => condition?.type === 'Ready') : undefined
}
