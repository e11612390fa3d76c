import { execa } from 'execa'
import { watchExecs } from '../witness/engine-execs.ts'
import { changeWorkers, isComplete } from './clusters.ts'
import { declinesSince } from './controller-logs.ts'
import { wrongWith } from './machine-problems.ts'
import { type CapiMachine, machinesOf, roleOf, snapshots } from './machines.ts'
import type { ScenarioRun } from './scenario.ts'
import { until } from './until.ts'
import { bootstrapTemplate, controlPlaneOf, machineTemplate, type Shape, workersOf } from './workload.ts'

const limitSeconds = 900
const argument = { nodeRegistration: { kubeletExtraArgs: [{ name: 'max-pods', value: '100' }] } }
const updating = 'in-place-updates.internal.cluster.x-k8s.io/update-in-progress'

/** Changes the customImage and then a kubelet argument of the workers, at the same version, and expects rollouts. */
export async function workersFallBack(run: ScenarioRun, shape: Shape): Promise<void> {
  const { version: to } = shape
  const pool = workersOf(shape.name)
  await fallsBack(run, shape, { pool, to, change: await otherImage(run, shape, pool, to) })
  await fallsBack(run, shape, { pool, to, change: await otherArgument(run, pool, to) })
}

/** Changes a kubelet argument and the version of the control plane, and expects a rollout. */
export async function controlPlaneFallsBack(run: ScenarioRun, shape: Shape): Promise<void> {
  const { namespace, name, version: to } = shape
  const kubeadmConfigSpec = { initConfiguration: argument, joinConfiguration: argument }
  const spec = { version: to, kubeadmConfigSpec }
  const change = {
    what: 'a kubelet argument',
    make: () => run.kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec }),
  }
  await fallsBack(run, shape, { pool: undefined, to, change })
}

interface Change {
  what: string
  make(): Promise<void>
}

interface Rollout {
  /** The MachineDeployment; undefined for the control plane. */
  pool: string | undefined
  to: string
  change: Change
}

/** Makes a change and expects that the machines are replaced and that the updater ran nothing in them. */
export async function fallsBack(
  run: ScenarioRun,
  { namespace, name }: Shape,
  { pool, to, change }: Rollout,
): Promise<void> {
  const { kube, timeline, expect, figure } = run
  const title = `${pool ?? 'control plane'}, ${change.what} and version ${to}`
  const mine = async () =>
    (await machinesOf(kube, namespace, name)).filter((machine) =>
      pool === undefined ? roleOf(machine) === 'control-plane' : machine.metadata.labels?.pool === pool,
    )
  const old = await mine()
  const isOld = ({ metadata }: CapiMachine) => old.some((was) => was.metadata.uid === metadata.uid)
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
  for (const line of await execs()) expect(false, `${title}: the updater ran a command in a machine: ${line}`)
  const declined = await declinesSince(kube, namespace, since)
  expect(declined.length > 0, `${title}: Cluster API did not log why it does not update in place`)
  const all = await machinesOf(kube, namespace, name)
  for (const problem of await wrongWith(machines, await snapshots(all), to, all)) expect(false, `${title}: ${problem}`)
}

/** A change of the workers' customImage: the node image under another name, which the engine has. */
export async function otherImage({ kube }: ScenarioRun, shape: Shape, pool: string, version: string): Promise<Change> {
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

/** A change of a kubelet argument of the workers. */
export async function otherArgument(
  { kube, name: namespace }: ScenarioRun,
  pool: string,
  version: string,
): Promise<Change> {
  const template = `${pool}-argument-${Date.now().toString(36)}`
  return {
    what: 'another kubelet argument',
    async make() {
      await kube.apply([bootstrapTemplate(namespace, template, { joinConfiguration: argument })])
      await changeWorkers(kube, namespace, pool, { version, bootstrap: { configRef: { name: template } } })
    },
  }
}
