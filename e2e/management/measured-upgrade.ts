import type { Answers } from '../../scripts/docs/performance/results.ts'
import { servingImage } from '../../scripts/lab/cluster/images.ts'
import { describeGaps } from '../witness/gaps.ts'
import { createCluster, setVersion, untilComplete, untilUpToDate } from './clusters.ts'
import { corednsOf, tagOf } from './coredns.ts'
import { describeCalls, hookCalls } from './hook-metrics.ts'
import { workloadOf } from './kube.ts'
import { type Machine, machinesOf } from './machines.ts'
import type { Play } from './scenario.ts'
import { measureServing, putServingPods } from './serving-probes.ts'
import { controlPlaneOf, type Shape } from './workload.ts'

const limitSeconds = 2400

/** What one upgrade took. Seconds are those of the timeline. */
export interface Measured {
  /** The machines as they are afterwards. */
  machines: Machine[]
  gaps: Answers[]
}

// Three control plane machines and some workers of the old version, with a pod on each worker that can be asked.
export async function createOld(play: Play, labels?: Record<string, string>, workers = 2): Promise<Shape> {
  const { name, cluster, site, kube } = play
  const { from } = site.management
  const image = await servingImage()
  const sizes = { controlPlanes: 3, workers }
  const shape: Shape = { namespace: name, name: cluster, version: from, ...sizes, preLoadImages: [image] }
  await createCluster(play, shape, labels)
  await putServingPods(await workloadOf(site.management, kube, shape), image)
  return shape
}

// Brings the cluster to the new version, CoreDNS included, as its owner would: first the control plane, then the workers.
// Measures on the way.
export async function measuredUpgrade(play: Play, shape: Shape): Promise<Measured> {
  const { site, kube, timeline, figure } = play
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
