import { createCluster, deleteCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { type Kept, keptIn, lostIn, missingIn } from '../management/kept.ts'
import { type Kube, workloadOf } from '../management/kube.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { type CapiMachine, containerOf, machinesOf, snapshots } from '../management/machines.ts'
import { makeControlPlane, makeStopped, removeMachines, stateOf } from '../management/older-cluster.ts'
import { ownersConfigs, tagImages } from '../management/owners-cluster.ts'
import { withProxies } from '../management/proxies.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import { type Shape, workersOf } from '../management/workload.ts'
import type { Role } from '../witness/role.ts'
import type { Snapshot } from '../witness/snapshot.ts'
import { declinesExternalEtcd } from './external-etcd.ts'

const limitSeconds = 1800

export const asPeopleHaveIt: Scenario = {
  proves:
    "A cluster with patches for kubelet and API server, static pods of its owner's, a file that a command has filled in, a proxy, and containers of an older cluster of its name next to it goes to the next version in place, and keeps all of it. A cluster with an external etcd is replaced, and the updater touches none of its machines.",
  async play(play) {
    await keepsAll(play)
    await declinesExternalEtcd(play)
  },
}

async function keepsAll(play: Play): Promise<void> {
  const { name, cluster, site, kube } = play
  const images = await tagImages()
  const shape: Shape = {
    namespace: name,
    name: cluster,
    version: site.management.from,
    controlPlanes: 3,
    workers: 1,
    controlPlaneImages: images,
    configs: ownersConfigs(),
  }
  // Before those of the cluster in the order of names, so that they are the first to be looked at.
  const older = { running: `${cluster}-a-running`, stopped: `${cluster}-a-stopped` }
  try {
    await withProxies(site.management, kube, () => createCluster(play, shape))
    await makeControlPlane({ name: older.running, version: shape.version, cluster })
    await makeStopped({ name: older.stopped, version: shape.version, cluster })
    await upgrade(play, shape, Object.values(older))
  } finally {
    // CAPD would make them backends of the load balancer, as soon as a machine comes or goes.
    await removeMachines(Object.values(older))
  }
  await deleteCluster(kube, shape)
}

async function upgrade(play: Play, shape: Shape, older: string[]): Promise<void> {
  const { site, kube, timeline, expect } = play
  const { to } = site.management
  const workload = await workloadOf(site.management, kube, shape)
  const old = await machinesOf(kube, shape.namespace, shape.name)
  const kept = await untilThere(old, workload)
  const before = await snapshots(old)
  const wereOlder = await Promise.all(older.map(stateOf))
  const move = async (role: Role, of: Shape) => {
    timeline.note(`${role} machines to ${to}`)
    await setVersion(kube, of, role, to)
    await untilUpToDate(kube, of, role, to, limitSeconds)
  }
  await move('control-plane', shape)
  const grown = { ...shape, workers: shape.workers + 1 }
  for (const [name, look] of await addWorker(play, grown)) before.set(name, look)
  await move('worker', grown)
  const now = await machinesOf(kube, shape.namespace, shape.name)
  for (const problem of await wrongWith(now, before, to)) expect(false, problem)
  for (const machine of old) {
    const lost = lostIn(kept.get(containerOf(machine)) ?? {}, await keptIn(machine, workload))
    for (const problem of lost) expect(false, `${containerOf(machine)}: ${problem}`)
  }
  for (const [i, name] of older.entries()) {
    const [was, is] = [JSON.stringify(wereOlder[i]), JSON.stringify(await stateOf(name))]
    expect(was === is, `${name}, of an older cluster, was not left alone: ${was} became ${is}`)
  }
}

// A worker of the old version joins a control plane of the new one, which Cluster API does only when its own check of the
// versions is left out. Its machine has no proxy. Gives how the workers are.
async function addWorker({ kube, timeline }: Play, shape: Shape): Promise<Map<string, Snapshot>> {
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
