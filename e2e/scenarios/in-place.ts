import { untilComplete } from '../management/clusters.ts'
import { corednsOf, wrongCoredns } from '../management/coredns.ts'
import { workloadOf } from '../management/kube.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { machinesOf, snapshots } from '../management/machines.ts'
import { createOld, type Measured, measuredUpgrade } from '../management/measured-upgrade.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { putSteadyPods } from '../management/steady-pods.ts'
import { controlPlaneOf, type Shape, workersOf } from '../management/workload.ts'
import { watchExecs } from '../witness/engine-execs.ts'

export const inPlace: Scenario = {
  proves:
    'Three control plane machines and two workers go to the next minor version on the same machines; everything in them is at the target, kube-proxy and CoreDNS too; machines that are added afterwards come up at the target.',
  async play(play) {
    const shape = await createOld(play)
    await upgradeInPlace(play, shape)
    await scaleUp(play, { ...shape, version: play.site.management.to })
  },
}

/** Upgrades the cluster in place, measures it, and holds every machine against what it was before. */
export async function upgradeInPlace(play: Play, shape: Shape): Promise<Measured> {
  const { site, kube, expect, figure } = play
  const { to } = site.management
  const { namespace, name } = shape
  const workload = await workloadOf(site.management, kube, shape)
  await putSteadyPods(workload, await machinesOf(kube, namespace, name, 'worker'))
  const old = await machinesOf(kube, namespace, name)
  const before = await snapshots(old)
  const execs = watchExecs(name)
  const began = performance.now()
  const measured = await measuredUpgrade(play, shape)
  const now = measured.machines
  const seconds = (performance.now() - began) / 1000
  const ran = (await execs()).length
  // Where nothing may be seen the same watch is trusted, so here it has to see something.
  expect(ran > 0, 'the watch on the engine saw nothing of the updater')
  figure('docker execs of the updater', `${ran} in ${seconds.toFixed(0)} s, ${(ran / seconds).toFixed(1)} a second`)
  for (const problem of await wrongWith(now, before, to)) expect(false, problem)
  for (const problem of await wrongCoredns(workload, await corednsOf(to))) expect(false, problem)
  const identities = ({ metadata }: (typeof now)[number]) => `${metadata.name} ${metadata.uid}`
  const [was, is] = [old.map(identities).join(', '), now.map(identities).join(', ')]
  expect(was === is, `the Machines are not the same: before ${was}, after ${is}`)
  return measured
}

async function scaleUp({ kube, timeline, site, expect }: Play, shape: Shape) {
  const { to } = site.management
  const { namespace, name } = shape
  const old = new Set((await machinesOf(kube, namespace, name)).map(({ metadata }) => metadata.name))
  timeline.note('control plane to 5 machines, workers to 3')
  await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec: { replicas: 5 } })
  await kube.patch('machinedeployment', workersOf(name), namespace, { spec: { replicas: 3 } })
  const machines = await untilComplete(kube, { ...shape, controlPlanes: 5, workers: 3 }, 900)
  const added = machines.filter(({ metadata }) => !old.has(metadata.name))
  expect(added.length === 3, `${added.length} machines were added, not 3`)
  // A machine compared with itself: only what it runs counts.
  for (const problem of await wrongWith(added, await snapshots(machines), to, machines)) expect(false, problem)
}
