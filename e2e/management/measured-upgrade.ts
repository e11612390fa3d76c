import type { Answers } from '../../scripts/docs/performance/results.ts'
import { servingImage } from '../../scripts/lab/cluster/images.ts'
import { watchExecs } from '../witness/engine-execs.ts'
import { describeGaps } from '../witness/gaps.ts'
import { createCluster, setVersion, untilComplete, untilUpToDate } from './clusters.ts'
import { corednsOf, tagOf, wrongCoredns } from './coredns.ts'
import { expectReplaced } from './expect-replaced.ts'
import { describeCalls, hookCalls } from './hook-metrics.ts'
import { workloadOf } from './kube.ts'
import { wrongWith } from './machine-problems.ts'
import { type CapiMachine, machinesOf, snapshots } from './machines.ts'
import type { ScenarioRun } from './scenario.ts'
import { measureServing, putServingPods } from './serving-probes.ts'
import { putSteadyPods } from './steady-pods.ts'
import { controlPlaneOf, type Shape } from './workload.ts'

const limitSeconds = 2400

/** A measured upgrade. Times are seconds of the timeline. */
export interface MeasuredUpgrade {
  /** The machines after the upgrade. */
  machines: CapiMachine[]
  gaps: Answers[]
}

/** Creates a cluster with three control plane machines and some workers at the old version, and a server on each worker. */
export async function createOld(run: ScenarioRun, labels?: Record<string, string>, workers = 2): Promise<Shape> {
  const { name, cluster, site, kube } = run
  const { from } = site.management
  const image = await servingImage()
  const sizes = { controlPlanes: 3, workers }
  const shape: Shape = { namespace: name, name: cluster, version: from, ...sizes, preLoadImages: [image] }
  await createCluster(run, shape, labels)
  await putServingPods(await workloadOf(site.management, kube, shape), image)
  return shape
}

// Upgrades the cluster, CoreDNS included, as its owner does: first the control plane, then the workers. Measures meanwhile.
async function measuredUpgrade(run: ScenarioRun, shape: Shape): Promise<MeasuredUpgrade> {
  const { site, kube, timeline, figure } = run
  const { to } = site.management
  const { namespace, name, controlPlanes, workers } = shape
  const dns = { imageTag: tagOf(await corednsOf(to)) }
  const calls = await hookCalls(site)
  const stop = await measureServing(kube, shape, await machinesOf(kube, namespace, name), timeline.elapsed)

  await timed('all', controlPlanes + workers, async () => {
    timeline.note(`control plane to ${to}`)
    await timed('control plane', controlPlanes, async () => {
      await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, {
        spec: { version: to, kubeadmConfigSpec: { clusterConfiguration: { dns } } },
      })
      await untilUpToDate(kube, shape, 'control-plane', to, limitSeconds)
    })
    timeline.note(`workers to ${to}`)
    await timed('workers', workers, async () => {
      await setVersion(kube, shape, 'worker', to)
      await untilUpToDate(kube, shape, 'worker', to, limitSeconds)
    })
  })
  const gaps = await stop()
  for (const one of gaps) figure(one.what, describeGaps(one))
  figure('hook calls', describeCalls(calls, await hookCalls(site), controlPlanes + workers))
  return { machines: await untilComplete(kube, { ...shape, version: to }, 300), gaps }

  async function timed(what: string, machines: number, work: () => Promise<unknown>) {
    const begun = performance.now()
    await work()
    const seconds = (performance.now() - begun) / 1000
    figure(what, `${seconds.toFixed(0)} s, ${(seconds / machines).toFixed(0)} s per machine`)
  }
}

/** Upgrades a cluster in place, measures it, and verifies every machine. */
export async function upgradeInPlace(run: ScenarioRun, shape: Shape): Promise<MeasuredUpgrade> {
  const { site, kube, expect, figure } = run
  const { to } = site.management
  const { namespace, name } = shape
  const workload = await workloadOf(site.management, kube, shape)
  await putSteadyPods(workload, await machinesOf(kube, namespace, name, 'worker'))
  const old = await machinesOf(kube, namespace, name)
  const before = await snapshots(old)
  const execs = watchExecs(name)
  const began = performance.now()
  const measured = await measuredUpgrade(run, shape)
  const now = measured.machines
  const seconds = (performance.now() - began) / 1000
  const ran = (await execs()).length
  // Other scenarios rely on this watch to prove that the updater ran nothing, so it has to work.
  expect(ran > 0, 'no command of the updater was observed on the engine')
  figure('docker execs of the updater', `${ran} in ${seconds.toFixed(0)} s, ${(ran / seconds).toFixed(1)} a second`)
  for (const problem of await wrongWith(now, before, to)) expect(false, problem)
  for (const problem of await wrongCoredns(workload, await corednsOf(to))) expect(false, problem)
  const identities = ({ metadata }: (typeof now)[number]) => `${metadata.name} ${metadata.uid}`
  const [was, is] = [old.map(identities).join(', '), now.map(identities).join(', ')]
  expect(was === is, `the Machines are not the same: before ${was}, after ${is}`)
  return measured
}

/** Upgrades a cluster, measures it, and expects that every machine is replaced. */
export async function upgradeByRollout(run: ScenarioRun, shape: Shape): Promise<MeasuredUpgrade> {
  const { kube, site } = run
  const old = await machinesOf(kube, shape.namespace, shape.name)
  const execs = watchExecs(shape.name)
  const measured = await measuredUpgrade(run, shape)
  await expectReplaced(run, old, measured.machines, { execs: await execs(), version: site.management.to })
  return measured
}
