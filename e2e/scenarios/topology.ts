import { clusterClass, clusterOfClass, type Flavor, quickStart, quickStartClass } from '../management/cluster-class.ts'
import { createNamespace, deleteCluster, isComplete } from '../management/clusters.ts'
import { corednsOf, tagOf } from '../management/coredns.ts'
import { expectReplaced } from '../management/expect-replaced.ts'
import { enabled } from '../management/extension.ts'
import { workloadOf } from '../management/kube.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { machinesOf, snapshots } from '../management/machines.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import type { Shape } from '../management/workload.ts'
import { watchExecs } from '../witness/engine-execs.ts'

const limitSeconds = 2400

/** The scenario "topology". */
export const topology: Scenario = {
  on: 'management cluster',
  proves:
    "A Cluster with a managed topology goes to another version by spec.topology.version alone: first the control plane, then the workers, on the same machines, and no kubelet is newer than an API server; with DevMachine and with DockerMachine. With the class of Cluster API's quick start every machine is replaced, and the updater touches none.",
  async run(run) {
    for (const flavor of ['Dev', 'Docker'] as const) await upgrade(run, flavor)
    await quickStartIsRolledOut(run)
  },
}

async function upgrade(run: ScenarioRun, flavor: Flavor): Promise<void> {
  const { name: namespace, cluster, kube, site, timeline, expect } = run
  const { from, to } = site.management
  const name = `${cluster}-${flavor.toLowerCase()}`
  const shape: Shape = { namespace, name, version: from, controlPlanes: 3, workers: 1 }
  await createNamespace(kube, namespace, namespace, enabled)
  await kube.apply(clusterClass(namespace, name, flavor))
  await kube.apply(clusterOfClass(shape, name))
  const old = await untilAllAt(run, shape, from, 900)
  const before = await snapshots(old)
  timeline.note(`${name}: spec.topology.version is ${to}`)
  const early = await watchOrder(run, shape, to)
  await kube.patch('cluster', name, namespace, { spec: { topology: { version: to } } })
  const now = await untilAllAt(run, shape, to, limitSeconds)
  for (const problem of await early()) expect(false, problem)
  for (const problem of await wrongWith(now, before, to)) expect(false, problem)
  await deleteCluster(kube, shape)
}

// The machine image of this class depends on the version, and CAPD cannot change the image of an existing machine.
async function quickStartIsRolledOut(run: ScenarioRun): Promise<void> {
  const { name: namespace, cluster, kube, site, timeline } = run
  const { from, to } = site.management
  const name = `${cluster}-quick`
  const shape: Shape = { namespace, name, version: from, controlPlanes: 3, workers: 1 }
  await kube.run(['apply', '--server-side', `-n=${namespace}`, '-f', '-'], await quickStartClass())
  await kube.apply(clusterOfClass(shape, quickStart.class, { class: quickStart.workers }))
  const old = await untilAllAt(run, shape, from, 900)
  const execs = watchExecs(name)
  timeline.note(`${name}: spec.topology.version is ${to}`)
  // CoreDNS would otherwise stay at a tag that the new machines do not have, and they cannot pull it here.
  const variables = [{ name: 'coreDNSImageTag', value: tagOf(await corednsOf(to)) }]
  await kube.patch('cluster', name, namespace, { spec: { topology: { version: to, variables } } })
  const now = await untilAllAt(run, shape, to, limitSeconds)
  await expectReplaced(run, old, now, { execs: await execs(), version: to })
  await deleteCluster(kube, shape)
}

function untilAllAt(
  { kube }: ScenarioRun,
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

// Watches during the upgrade that no worker's kubelet is newer than an API server. The workers may start while the last control
// plane machine is still being verified: Cluster API compares the versions that the Nodes report (v1.14.2,
// internal/util/version/version.go, VersionsFromMachines).
async function watchOrder(
  { kube, site }: ScenarioRun,
  shape: Shape,
  version: string,
): Promise<() => Promise<string[]>> {
  const workload = await workloadOf(site.management, kube, shape)
  // Removed by the first observation.
  const unobserved = 'the order was not observed'
  const found = new Set([unobserved])
  let stopped = false
  const watching = until('the end', limitSeconds, async () => {
    // Workers are read first: an API server that is old afterwards was old at that time.
    const workers = await workload.list<Node>('nodes', '-l=!node-role.kubernetes.io/control-plane')
    const servers = await workload.list<Pod>('pods', '-n=kube-system', '-l=component=kube-apiserver')
    if (workers.length > 0 && servers.length > 0) found.delete(unobserved)
    const upgraded = workers.filter(({ status }) => status.nodeInfo.kubeletVersion === version)
    const oldServers = servers.filter(({ spec }) => !spec.containers[0]?.image.endsWith(`:${version}`))
    if (oldServers.length > 0 && upgraded.length > 0)
      found.add(`${upgraded.map(nameOf)} were upgraded before ${oldServers.map(nameOf)}`)
    return stopped
  })
  return async () => {
    stopped = true
    await watching
    return [...found]
  }
}

const nameOf = ({ metadata }: Node | Pod) => metadata.name
