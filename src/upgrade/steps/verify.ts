import { readFacts } from '../../machine/facts.ts'
import { apiServerReady, etcdWaitsFor, manifestVersions, readObject, staticPodsWaitFor } from '../control-plane.ts'
import { type Context, type Step, waiting, workDirectory } from '../step.ts'
import { runsSteadily } from './kubelet.ts'

// All that makes the machine be at the target. It is asked first, too: where it holds, nothing is to be done.
export const verify: Step = {
  name: 'verify',
  doing: 'checking the machine at the new version',
  limitSeconds: 600,
  pollSeconds: 2,
  async done(context) {
    const waitsFor = (await kubeletWaitsFor(context)) ?? (await controlPlaneWaitsFor(context))
    return waitsFor === undefined ? 'done' : waiting(waitsFor)
  },
}

interface Condition {
  type: string
  status: string
  lastHeartbeatTime: string
}

interface Node {
  status: { nodeInfo: { kubeletVersion: string }; conditions?: Condition[] }
}

// True when no program is left to be changed, though the machine may not be well. A kubelet that does not run at the
// moment is the one that the Node knows.
export async function runsTarget({ machine, target }: Context): Promise<boolean> {
  if (await machine.has(workDirectory(target))) return false
  const facts = await readFacts(machine)
  const node = await readObject<Node>(machine, `/api/v1/nodes/${machine.name}`)
  const kubelet = facts.kubelet.version || node?.status.nodeInfo.kubeletVersion
  return [kubelet, ...manifestVersions(facts)].every((version) => version === target)
}

async function kubeletWaitsFor(context: Context): Promise<string | undefined> {
  const { machine, target } = context
  const { kubelet } = await readFacts(machine)
  if (kubelet.version !== target) return `the kubelet to run ${target}`
  const node = await readObject<Node>(machine, `/api/v1/nodes/${machine.name}`)
  if (node === undefined) return 'the API server'
  const { status } = node
  if (status.nodeInfo.kubeletVersion !== target) return `the Node to say ${target}`
  const ready = readyIn(status)
  // A Ready from before the restart says nothing of the new kubelet.
  const fresh = ready !== undefined && Date.parse(ready.lastHeartbeatTime) / 1000 >= kubelet.since
  if (ready?.status !== 'True' || !fresh) return 'the Node to be Ready'
  return (await runsSteadily(context)) ? undefined : 'the kubelet to stay up'
}

// After the kubelet's change the static pods start once more. Cluster API goes on to the next member as soon as
// it hears "done", so that is over before it does.
async function controlPlaneWaitsFor(context: Context): Promise<string | undefined> {
  const { machine, target, clock } = context
  if (machine.role === 'worker') return undefined
  const before = await readFacts(machine)
  const waitsFor = staticPodsWaitFor(before, target) ?? (await etcdWaitsFor(context))
  if (waitsFor !== undefined) return waitsFor
  if (!(await apiServerReady(context))) return 'the API server to be ready'
  await clock.sleep(5)
  const after = await readFacts(machine)
  const settled = Object.keys(before.containers).sort().join() === Object.keys(after.containers).sort().join()
  return settled && (await staticPodsReady(context)) ? undefined : 'the static pods to settle'
}

// What the controllers of Cluster API look at next: the mirror pods of the control plane are Ready. One that a kubelet
// has just made anew has no conditions at all, for some seconds.
async function staticPodsReady({ machine }: Context): Promise<boolean> {
  const selectors = `labelSelector=tier%3Dcontrol-plane&fieldSelector=spec.nodeName%3D${machine.name}`
  const path = `/api/v1/namespaces/kube-system/pods?${selectors}`
  const pods = (await readObject<{ items: Pick<Node, 'status'>[] }>(machine, path))?.items ?? []
  return pods.length > 0 && pods.every(({ status }) => readyIn(status)?.status === 'True')
}

function readyIn({ conditions = [] }: Pick<Node['status'], 'conditions'>): Condition | undefined {
  return conditions.find(({ type }) => type === 'Ready')
}
