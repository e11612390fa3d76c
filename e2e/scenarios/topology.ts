import { clusterClass, clusterOfClass, type Flavor, quickStart, quickStartClass } from '../management/cluster-class.ts'
import { createNamespace, deleteCluster, isComplete } from '../management/clusters.ts'
import { corednsOf, tagOf } from '../management/coredns.ts'
import { expectReplaced } from '../management/expect-replaced.ts'
import { workloadOf } from '../management/kube.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { machinesOf, snapshots } from '../management/machines.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { enabled } from '../management/site.ts'
import { until } from '../management/until.ts'
import type { Shape } from '../management/workload.ts'
import { watchExecs } from '../witness/engine-execs.ts'

const limitSeconds = 2400

export const topology: Scenario = {
  proves:
    "A Cluster with a managed topology goes to another version by spec.topology.version alone: first the control plane, then the workers, on the same machines, and no kubelet is newer than an API server; with DevMachine and with DockerMachine. With the class of Cluster API's quick start every machine is replaced, and the updater touches none.",
  async play(play) {
    for (const flavor of ['Dev', 'Docker'] as const) await upgrade(play, flavor)
    await quickStartIsRolledOut(play)
  },
}

async function upgrade(play: Play, flavor: Flavor): Promise<void> {
  const { name: namespace, cluster, kube, site, timeline, expect } = play
  const { from, to } = site.management
  const name = `${cluster}-${flavor.toLowerCase()}`
  const shape: Shape = { namespace, name, version: from, controlPlanes: 3, workers: 1 }
  await createNamespace(kube, namespace, namespace, enabled)
  await kube.apply(clusterClass(namespace, name, flavor))
  await kube.apply(clusterOfClass(shape, name))
  const old = await untilAllAt(play, shape, from, 900)
  const before = await snapshots(old)
  timeline.note(`${name}: spec.topology.version is ${to}`)
  const early = await watchOrder(play, shape, to)
  await kube.patch('cluster', name, namespace, { spec: { topology: { version: to } } })
  const now = await untilAllAt(play, shape, to, limitSeconds)
  for (const problem of await early()) expect(false, problem)
  for (const problem of await wrongWith(now, before, to)) expect(false, problem)
  await deleteCluster(kube, shape)
}

// The image of its machines depends on the version, and CAPD refuses another image for a machine that exists.
async function quickStartIsRolledOut(play: Play): Promise<void> {
  const { name: namespace, cluster, kube, site, timeline } = play
  const { from, to } = site.management
  const name = `${cluster}-quick`
  const shape: Shape = { namespace, name, version: from, controlPlanes: 3, workers: 1 }
  await kube.run(['apply', '--server-side', `-n=${namespace}`, '-f', '-'], await quickStartClass())
  await kube.apply(clusterOfClass(shape, quickStart.class, { class: quickStart.workers }))
  const old = await untilAllAt(play, shape, from, 900)
  const execs = watchExecs(name)
  timeline.note(`${name}: spec.topology.version is ${to}`)
  // Without it CoreDNS would stay at a tag that the new machines do not have; elsewhere they would pull it.
  const variables = [{ name: 'coreDNSImageTag', value: tagOf(await corednsOf(to)) }]
  await kube.patch('cluster', name, namespace, { spec: { topology: { version: to, variables } } })
  const now = await untilAllAt(play, shape, to, limitSeconds)
  await expectReplaced(play, old, now, { execs: await execs(), version: to })
  await deleteCluster(kube, shape)
}

function untilAllAt(
  { kube }: Play,
  { namespace, name, controlPlanes, workers }: Shape,
  version: string,
  seconds: number,
) {
  return until(
    `${name}: all machines at ${version}`,
    seconds,
    async () => {
      const machines = await machinesOf(kube, namespace, name)
      const all = machines.length === controlPlanes + workers && machines.every((one) => isComplete(one, version))
      return all && machines
    },
    () => kube.run(['get', 'machines', `-n=${namespace}`]),
  )
}

interface Node {
  metadata: { name: string }
  status: { nodeInfo: { kubeletVersion: string } }
}

interface Pod {
  metadata: { name: string }
  spec: { containers: { image: string }[] }
}

// Looks on while the upgrade goes on: no worker's kubelet may be newer than an API server. That the last control plane
// machine is still being checked when the workers begin is Cluster API's way: it goes by the versions that the Nodes name
// (v1.14.2, internal/util/version/version.go, VersionsFromMachines).
async function watchOrder({ kube, site }: Play, shape: Shape, version: string): Promise<() => Promise<string[]>> {
  const workload = await workloadOf(site.management, kube, shape)
  // Where nothing may be found it has to have looked.
  const blind = 'nobody looked at the order'
  const found = new Set([blind])
  let stopped = false
  const watching = until('the end', limitSeconds, async () => {
    // Workers first: what is old afterwards was old before.
    const workers = await workload.list<Node>('nodes', '-l=!node-role.kubernetes.io/control-plane')
    const servers = await workload.list<Pod>('pods', '-n=kube-system', '-l=component=kube-apiserver')
    if (workers.length > 0 && servers.length > 0) found.delete(blind)
    const begun = workers.filter(({ status }) => status.nodeInfo.kubeletVersion === version)
    const late = servers.filter(({ spec }) => !spec.containers[0]?.image.endsWith(`:${version}`))
    if (late.length > 0 && begun.length > 0) found.add(`${begun.map(nameOf)} went before ${late.map(nameOf)}`)
    return stopped
  })
  return async () => {
    stopped = true
    await watching
    return [...found]
  }
}

const nameOf = ({ metadata }: Node | Pod) => metadata.name
