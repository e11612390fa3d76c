import { createCluster, setVersion, untilComplete, untilUpToDate } from '../management/clusters.ts'
import { corednsOf, putSteadyPods, wrongImages, wrongWith } from '../management/judge.ts'
import { workloadOf } from '../management/kube.ts'
import { type Machine, machinesOf, snapshots } from '../management/machines.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { describeGaps, measureServing } from '../management/serving.ts'
import { controlPlaneOf, type Shape, workersOf } from '../management/workload.ts'
import type { Snapshot } from '../snapshot.ts'

const limitSeconds = 2400

export const inPlace: Scenario = {
  proves:
    'Three control plane machines and two workers go to the next minor version on the same machines; everything in them is at the target, kube-proxy and CoreDNS too; machines that are added afterwards come up at the target.',
  async play(play) {
    const shape = await createOld(play)
    await upgradeInPlace(play, shape)
    await scaleUp(play, { ...shape, version: play.site.management.to })
  },
}

// Three control plane machines and two workers of the old version.
export async function createOld(play: Play): Promise<Shape> {
  const { name, cluster, site } = play
  const { from } = site.management
  const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 2 }
  await createCluster(play, shape)
  return shape
}

export async function upgradeInPlace(play: Play, shape: Shape): Promise<void> {
  const { name, cluster, site, kube, timeline } = play
  const { to } = site.management
  const workload = await workloadOf(site.management, kube, shape)
  await putSteadyPods(workload, await machinesOf(kube, name, cluster, 'worker'))
  const machines = await machinesOf(kube, name, cluster)
  const before = await snapshots(machines)
  const coredns = await corednsOf(to)
  const stop = await measureServing(kube, shape)

  timeline.note(`control plane to ${to}`)
  const dns = { imageTag: coredns.slice(coredns.lastIndexOf(':') + 1) }
  await kube.patch('kubeadmcontrolplane', controlPlaneOf(cluster), name, {
    spec: { version: to, kubeadmConfigSpec: { clusterConfiguration: { dns } } },
  })
  await timed(play, 'control plane, seconds', () => untilUpToDate(kube, shape, 'control-plane', to, limitSeconds))
  timeline.note(`workers to ${to}`)
  await setVersion(kube, shape, 'worker', to)
  await timed(play, 'workers, seconds', () => untilUpToDate(kube, shape, 'worker', to, limitSeconds))
  for (const gaps of await stop()) play.figure(gaps.what, describeGaps(gaps))

  const now = await untilComplete(kube, { ...shape, version: to }, 300)
  await judge(play, now, before, coredns)
}

async function judge(play: Play, machines: Machine[], before: Map<string, Snapshot>, coredns: string) {
  const { to } = play.site.management
  for (const problem of await wrongWith(machines, before, to)) play.expect(false, problem)
  for (const problem of await wrongImages(machines, 'coredns', coredns)) play.expect(false, problem)
  const names = machines.map(({ metadata }) => metadata.name)
  const uids = new Set([...before.values()].map(({ identity }) => identity['Machine UID']))
  play.expect(
    machines.length === before.size && machines.every(({ metadata }) => uids.has(metadata.uid ?? '')),
    `the Machines are not the same as before: ${names.join(', ')}`,
  )
}

async function scaleUp({ kube, timeline, site, expect }: Play, shape: Shape) {
  const { to } = site.management
  const old = new Set((await machinesOf(kube, shape.namespace, shape.name)).map(({ metadata }) => metadata.name))
  timeline.note('control plane to 5 machines, workers to 3')
  await kube.patch('kubeadmcontrolplane', controlPlaneOf(shape.name), shape.namespace, { spec: { replicas: 5 } })
  await kube.patch('machinedeployment', workersOf(shape.name), shape.namespace, { spec: { replicas: 3 } })
  const machines = await untilComplete(kube, { ...shape, controlPlanes: 5, workers: 3 }, 900)
  const added = machines.filter(({ metadata }) => !old.has(metadata.name))
  expect(added.length === 3, `${added.length} machines were added, not 3`)
  // A machine compared with itself: only what it runs counts.
  for (const problem of await wrongWith(added, await snapshots(machines), to, machines)) expect(false, problem)
}

async function timed(play: Play, what: string, work: () => Promise<unknown>) {
  const begun = performance.now()
  await work()
  play.figure(what, ((performance.now() - begun) / 1000).toFixed(0))
}
