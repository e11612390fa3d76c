import { createCluster, deleteCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { declinesExternalEtcd } from '../management/external-etcd.ts'
import { type Kept, keptIn, lostIn, missingIn } from '../management/kept.ts'
import { type Kube, workloadOf } from '../management/kube.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { type CapiMachine, containerOf, machinesOf, snapshots } from '../management/machines.ts'
import { makeControlPlane, makeStopped, removeMachines, stateOf } from '../management/older-cluster.ts'
import { probeOwnPods } from '../management/own-pod-probes.ts'
import { ownersConfigs, tagImages } from '../management/owners-cluster.ts'
import { withProxies } from '../management/proxies.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import { controlPlaneOf, type File, type Shape, workersOf } from '../management/workload.ts'
import { shellIn } from '../witness/exec.ts'
import { describeGaps } from '../witness/gaps.ts'
import type { Role } from '../witness/role.ts'
import type { Snapshot } from '../witness/snapshot.ts'

const limitSeconds = 1800

/** The scenario "as-people-have-it". */
export const asPeopleHaveIt: Scenario = {
  on: 'management cluster',
  proves:
    "A cluster with patches for kubelet and API server, static pods of its owner's, a file that a command has filled in, a proxy, and containers of an older cluster of its name next to it gets a file and the next version in place, and keeps all of it. A cluster with an external etcd is replaced, and the updater touches none of its machines.",
  async run(run) {
    await keepsAll(run)
    await declinesExternalEtcd(run)
  },
}

async function keepsAll(run: ScenarioRun): Promise<void> {
  const { name, cluster, site, kube, expect } = run
  const images = await tagImages()
  const configs = ownersConfigs()
  const shape: Shape = {
    namespace: name,
    name: cluster,
    version: site.management.from,
    controlPlanes: 3,
    workers: 1,
    controlPlaneImages: images,
    configs,
  }
  // Before those of the cluster in the order of names, so that they are the first to be looked at.
  const older = { running: `${cluster}-a-running`, stopped: `${cluster}-a-stopped` }
  const found: string[] = []
  try {
    await withProxies(site.management, kube, () => createCluster(run, shape))
    await makeControlPlane({ name: older.running, version: shape.version, cluster })
    await makeStopped({ name: older.stopped, version: shape.version, cluster })
    const wereOlder = await statesOf(Object.values(older))
    const workload = await workloadOf(site.management, kube, shape)
    const kept = await untilThere(await machinesOf(kube, name, cluster), workload)
    found.push(...(await addFile(run, shape, configs.controlPlane.files, { kept, workload })))
    found.push(...(await upgrade(run, shape, { kept, workload })))
    const areOlder = await statesOf(Object.values(older))
    if (areOlder !== wereOlder) found.push(`an older cluster was not left alone: ${wereOlder} became ${areOlder}`)
  } finally {
    // CAPD would make them backends of the load balancer, as soon as a machine comes or goes.
    await removeMachines(Object.values(older))
  }
  for (const problem of found) expect(false, problem)
  // What failed is left for a look.
  if (found.length === 0) await deleteCluster(kube, shape)
}

async function statesOf(containers: string[]): Promise<string> {
  const states = await Promise.all(containers.map(async (name) => [name, await stateOf(name)]))
  return JSON.stringify(Object.fromEntries(states))
}

interface Owned {
  /** What each machine had when it was made, by container. */
  kept: Map<string, Kept>
  workload: Kube
}

// At the same version nothing but the file changes: no process is another one.
async function addFile(run: ScenarioRun, shape: Shape, files: File[], owned: Owned): Promise<string[]> {
  const { kube, timeline } = run
  const { namespace, name, version } = shape
  const added = { path: '/etc/people/added.conf', content: 'added\n', permissions: '0644' }
  timeline.note(`a file for the control plane machines: ${added.path}`)
  const spec = { kubeadmConfigSpec: { files: [...files, added] } }
  await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec })
  const machines = await until('each control plane machine has the file', limitSeconds, async () => {
    const now = await machinesOf(kube, namespace, name, 'control-plane')
    const read = await Promise.all(now.map((one) => shellIn(containerOf(one), `cat ${added.path}`)))
    return read.every((content) => content === added.content.trim()) && now
  })
  await untilUpToDate(kube, shape, 'control-plane', version, limitSeconds)
  return lost(machines, owned)
}

async function upgrade(run: ScenarioRun, shape: Shape, owned: Owned): Promise<string[]> {
  const { site, kube, timeline, figure } = run
  const { to } = site.management
  const { namespace, name } = shape
  const old = await machinesOf(kube, namespace, name)
  const before = await snapshots(old)
  const move = async (role: Role, of: Shape) => {
    timeline.note(`${role} machines to ${to}`)
    await setVersion(kube, of, role, to)
    await untilUpToDate(kube, of, role, to, limitSeconds)
  }
  const members = await machinesOf(kube, namespace, name, 'control-plane')
  const stop = await probeOwnPods(members.map(containerOf), timeline.elapsed)
  await move('control-plane', shape)
  for (const gaps of await stop()) figure(gaps.what, describeGaps(gaps))
  const grown = { ...shape, workers: shape.workers + 1 }
  for (const [container, look] of await addWorker(run, grown)) before.set(container, look)
  await move('worker', grown)
  const problems = await wrongWith(await machinesOf(kube, namespace, name), before, to)
  return [...problems, ...(await lost(old, owned, { otherMinor: true }))]
}

async function lost(machines: CapiMachine[], { kept, workload }: Owned, options?: Parameters<typeof lostIn>[2]) {
  const found: string[] = []
  for (const machine of machines) {
    const name = containerOf(machine)
    const now = await keptIn(machine, workload)
    found.push(...missingIn(now, machine))
    found.push(...lostIn(kept.get(name) ?? {}, now, options).map((problem) => `${name}: ${problem}`))
  }
  return found
}

// A worker of the old version joins a control plane of the new one, which Cluster API does only when its own check of the
// versions is left out. Its machine has no proxy. Gives how the workers are.
async function addWorker({ kube, timeline }: ScenarioRun, shape: Shape): Promise<Map<string, Snapshot>> {
  timeline.note(`${shape.workers} workers of ${shape.version}`)
  const annotations = { 'machineset.cluster.x-k8s.io/skip-preflight-checks': 'KubeadmVersionSkew' }
  const change = { metadata: { annotations }, spec: { replicas: shape.workers } }
  await kube.patch('machinedeployment', workersOf(shape.name), shape.namespace, change)
  const workers = await untilUpToDate(kube, shape, 'worker', shape.version, limitSeconds)
  return snapshots(workers, await machinesOf(kube, shape.namespace, shape.name))
}

// Pods of a machine's own come up a little later than its Node.
async function untilThere(machines: CapiMachine[], workload: Kube): Promise<Map<string, Kept>> {
  let missing: string[] = []
  return until(
    "the machines have what is their owner's",
    120,
    async () => {
      const kept = new Map<string, Kept>()
      missing = []
      for (const machine of machines) {
        const found = await keptIn(machine, workload)
        missing.push(...missingIn(found, machine))
        kept.set(containerOf(machine), found)
      }
      return missing.length === 0 && kept
    },
    async () => missing.join('\n'),
  )
}
