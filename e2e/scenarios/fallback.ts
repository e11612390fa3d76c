import { execa } from 'execa'
import { changeWorkers, createCluster, isComplete } from '../management/clusters.ts'
import { declinedSince } from '../management/controller-logs.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { type Machine, machinesOf, roleOf, snapshots } from '../management/machines.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import {
  bootstrapTemplate,
  controlPlaneOf,
  machineTemplate,
  moreOf,
  type Shape,
  workersOf,
} from '../management/workload.ts'
import { watchExecs } from '../witness/engine-execs.ts'

const limitSeconds = 900
const argument = { nodeRegistration: { kubeletExtraArgs: [{ name: 'max-pods', value: '100' }] } }
const updating = 'in-place-updates.internal.cluster.x-k8s.io/update-in-progress'

export const fallback: Scenario = {
  proves:
    'What is not covered is rolled out: another customImage and another kubelet argument on a MachineDeployment, each alone and together with a version, and an argument on a KubeadmControlPlane. The updater is asked, declines, and never touches a machine.',
  async play(play) {
    const { name, cluster, site } = play
    const { from, to } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 1, more: 1 }
    await createCluster(play, shape)
    await workersFallBack(play, shape)
    await controlPlaneFallsBack(play, { ...shape, version: to })
    const [workers, more] = [workersOf(cluster), moreOf(cluster)]
    await fallsBack(play, shape, { pool: workers, to, change: await otherImage(play, shape, workers, to) })
    await fallsBack(play, shape, { pool: more, to, change: await otherArgument(play, more, to) })
  },
}

// Another customImage, and then another kubelet argument, at an unchanged version.
export async function workersFallBack(play: Play, shape: Shape): Promise<void> {
  const { version: to } = shape
  const pool = workersOf(shape.name)
  await fallsBack(play, shape, { pool, to, change: await otherImage(play, shape, pool, to) })
  await fallsBack(play, shape, { pool, to, change: await otherArgument(play, pool, to) })
}

async function controlPlaneFallsBack(play: Play, shape: Shape): Promise<void> {
  const { namespace, name, version: to } = shape
  const kubeadmConfigSpec = { initConfiguration: argument, joinConfiguration: argument }
  const spec = { version: to, kubeadmConfigSpec }
  const change = {
    what: 'a kubelet argument',
    make: () => play.kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec }),
  }
  await fallsBack(play, shape, { pool: undefined, to, change })
}

interface Change {
  what: string
  make(): Promise<void>
}

interface Asked {
  // A MachineDeployment, or undefined for the control plane.
  pool: string | undefined
  to: string
  change: Change
}

async function fallsBack(play: Play, { namespace, name }: Shape, { pool, to, change }: Asked): Promise<void> {
  const { kube, timeline, expect, figure } = play
  const title = `${pool ?? 'control plane'}, ${change.what} and version ${to}`
  const mine = async () =>
    (await machinesOf(kube, namespace, name)).filter((machine) =>
      pool === undefined ? roleOf(machine) === 'control-plane' : machine.metadata.labels?.pool === pool,
    )
  const old = await mine()
  const isOld = ({ metadata }: Machine) => old.some((was) => was.metadata.uid === metadata.uid)
  const since = new Date().toISOString()
  const begun = performance.now()
  const execs = watchExecs(name)
  timeline.note(title)
  await change.make()
  const updated = new Set<string>()
  const machines = await until(
    `${title}: ${old.length} new machines`,
    limitSeconds,
    async () => {
      const now = await mine()
      for (const { metadata } of now) if (metadata.annotations?.[updating] !== undefined) updated.add(metadata.name)
      return now.length === old.length && now.every((one) => !isOld(one) && isComplete(one, to)) && now
    },
    () => kube.run(['get', 'machines', `-n=${namespace}`]),
  )
  for (const machine of updated) expect(false, `${title}: ${machine} was updated in place`)
  figure(`${title}: seconds`, ((performance.now() - begun) / 1000).toFixed(0))
  for (const line of await execs()) expect(false, `${title}: the updater worked in a machine: ${line}`)
  const declined = await declinedSince(kube, namespace, since)
  expect(declined.length > 0, `${title}: Cluster API did not say why it does not update in place`)
  const all = await machinesOf(kube, namespace, name)
  for (const problem of await wrongWith(machines, await snapshots(all), to, all)) expect(false, `${title}: ${problem}`)
}

// The node image under another name, so that the engine has it.
async function otherImage({ kube }: Play, shape: Shape, pool: string, version: string): Promise<Change> {
  const { namespace, preLoadImages } = shape
  const customImage = `capd-kubeadm-upgrader/custom:${version}`
  await execa('docker', ['tag', `kindest/node:${version}`, customImage])
  const template = `${pool}-image-${Date.now().toString(36)}`
  const infrastructureRef = { name: template }
  return {
    what: 'another customImage',
    async make() {
      await kube.apply([machineTemplate(namespace, template, { customImage, ...(preLoadImages && { preLoadImages }) })])
      await changeWorkers(kube, namespace, pool, { version, infrastructureRef })
    },
  }
}

async function otherArgument({ kube, name: namespace }: Play, pool: string, version: string): Promise<Change> {
  const template = `${pool}-argument-${Date.now().toString(36)}`
  return {
    what: 'another kubelet argument',
    async make() {
      await kube.apply([bootstrapTemplate(namespace, template, { joinConfiguration: argument })])
      await changeWorkers(kube, namespace, pool, { version, bootstrap: { configRef: { name: template } } })
    },
  }
}
