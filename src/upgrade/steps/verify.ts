import type { MachineIdentity } from '../../machine/machine.ts'
import type { Observation } from '../../machine/observation.ts'
import { apiServerReady, etcdWaitsFor, objectIn } from '../control-plane.ts'
import { staticPodsWaitFor, youngestStaticPod } from '../static-pods.ts'
import { type Situation, type Step, waiting } from '../step.ts'
import { runsSteadily } from './kubelet.ts'

// After the kubelet's change the static pods start once more, some seconds after the kubelet. Cluster API goes on to
// the next member as soon as it gets "done", so that is over before it does.
const settledSeconds = { kubelet: 10, pods: 5 }

const nodePath = ({ name }: MachineIdentity) => `/api/v1/nodes/${name}`
const podsPath = ({ name }: MachineIdentity) =>
  `/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane&fieldSelector=spec.nodeName%3D${name}`

/** All that makes the machine be at the target. It is asked first, too: where it holds, there is nothing to do. */
export const verify: Step = {
  name: 'verify',
  doing: 'checking the machine at the new version',
  limitSeconds: 600,
  pollSeconds: 2,
  lookSeconds: 2,
  changes: false,
  needs: {
    sections: ['kubelet', 'pods', 'manifests', 'etcd'],
    api: (machine) =>
      machine.role === 'worker' ? [nodePath(machine)] : [nodePath(machine), podsPath(machine), '/readyz'],
    membersWithinSeconds: 2,
  },
  done(situation) {
    const waitsFor = kubeletWaitsFor(situation) ?? controlPlaneWaitsFor(situation)
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
}

interface Condition {
  type: string
  status: string
  lastHeartbeatTime: string
}

interface Status {
  nodeInfo: { kubeletVersion: string }
  conditions?: Condition[]
}

/** The version of the kubelet that the Node reports; undefined where it cannot be read. */
export function nodeKubeletVersion({ machine, observation }: Situation): string | undefined {
  const node = nodeIn(machine, observation)
  return 'value' in node ? node.value.status.nodeInfo.kubeletVersion : undefined
}

function nodeIn(machine: MachineIdentity, { api }: Observation) {
  return objectIn<{ status: Status }>(`the Node ${machine.name}`, api.get(nodePath(machine)))
}

function kubeletWaitsFor({ machine, observation, target }: Situation): string | undefined {
  const { kubelet, now } = observation
  if (kubelet.version !== target) return `the kubelet to run ${target}`
  const node = nodeIn(machine, observation)
  if ('waitsFor' in node) return node.waitsFor
  const { status } = node.value
  if (status.nodeInfo.kubeletVersion !== target) return `the Node to report ${target}`
  const ready = readyIn(status)
  // A Ready from before the restart says nothing of the new kubelet. The API has whole seconds.
  const isFresh = ready !== undefined && Date.parse(ready.lastHeartbeatTime) / 1000 >= now - kubelet.ageSeconds - 1
  if (ready?.status !== 'True' || !isFresh) return 'the Node to be Ready'
  return runsSteadily(observation, target) ? undefined : 'the kubelet to stay up'
}

function controlPlaneWaitsFor(situation: Situation): string | undefined {
  const { machine, observation, target } = situation
  if (machine.role === 'worker') return undefined
  const waitsFor = staticPodsWaitFor(observation, target) ?? etcdWaitsFor(situation)
  if (waitsFor !== undefined) return waitsFor
  if (!apiServerReady(observation)) return 'the API server to be ready'
  const isSettled =
    observation.kubelet.ageSeconds >= settledSeconds.kubelet &&
    (youngestStaticPod(observation) ?? 0) >= settledSeconds.pods
  return isSettled && areMirrorPodsReady(situation) ? undefined : 'the static pods to settle'
}

// What the controllers of Cluster API look at next: the mirror pods of the control plane are Ready. One that a kubelet
// has just made has no conditions at all, for some seconds.
function areMirrorPodsReady({ machine, observation }: Situation): boolean {
  const pods = objectIn<{ items: { status: Pick<Status, 'conditions'> }[] }>(
    'the static pods',
    observation.api.get(podsPath(machine)),
  )
  if ('waitsFor' in pods) return false
  const { items } = pods.value
  return items.length > 0 && items.every(({ status }) => readyIn(status)?.status === 'True')
}

function readyIn({ conditions = [] }: Pick<Status, 'conditions'>): Condition | undefined {
  return conditions.find(({ type }) => type === 'Ready')
}
