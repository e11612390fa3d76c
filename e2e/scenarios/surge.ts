import { execa } from 'execa'
import { createCluster, deleteCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { type CapiMachine, condition, containerOf, machinesOf, snapshots } from '../management/machines.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import type { Shape } from '../management/workload.ts'
import type { Role } from '../witness/role.ts'
import type { Snapshot } from '../witness/snapshot.ts'

const limitSeconds = 1800

/** The scenario "surge". */
export const surge: Scenario = {
  on: 'management cluster',
  proves:
    'With maxSurge 1 one machine is new, one is deleted, and the others are updated in place, on a control plane and on a MachineDeployment. A cluster that is deleted during an update leaves nothing behind.',
  async run(run) {
    const { name, cluster, site } = run
    const { from } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 2, surge: 1 }
    await createCluster(run, shape)
    const upgraded = [await upgrade(run, shape, 'control-plane'), await upgrade(run, shape, 'worker')]
    await verify(run, shape, upgraded)
    await deleteInTheMiddle(run)
  },
}

interface SurgedMachines {
  before: Map<string, Snapshot>
  stayed: CapiMachine[]
  fresh: CapiMachine[]
}

async function upgrade(run: ScenarioRun, shape: Shape, role: Role): Promise<SurgedMachines> {
  const { kube, site, timeline, expect, figure } = run
  const { to } = site.management
  const old = await machinesOf(kube, shape.namespace, shape.name, role)
  const before = await snapshots(await machinesOf(kube, shape.namespace, shape.name))
  timeline.note(`${role} machines to ${to}`)
  await setVersion(kube, shape, role, to)
  const now = await untilUpToDate(kube, shape, role, to, limitSeconds)
  const [stayed, fresh, gone] = [now.filter(isIn(old)), now.filter(not(isIn(old))), old.filter(not(isIn(now)))]
  figure(`${role}: new`, names(fresh))
  figure(`${role}: stayed, updated in place`, names(stayed))
  figure(`${role}: gone`, names(gone))
  expect(
    fresh.length === 1 && gone.length === 1,
    `${role}: ${fresh.length} machines are new and ${gone.length} are gone, expected one each`,
  )
  return { before, stayed, fresh }
}

// After both upgrades, because kube-proxy's DaemonSet updates one pod at a time and needs the images on the workers.
async function verify(
  { kube, site, expect }: ScenarioRun,
  { namespace, name }: Shape,
  upgraded: SurgedMachines[],
): Promise<void> {
  const { to } = site.management
  const all = await machinesOf(kube, namespace, name)
  const seen = await snapshots(all)
  for (const { before, stayed, fresh } of upgraded) {
    for (const problem of await wrongWith(stayed, before, to, all)) expect(false, problem)
    for (const problem of await wrongWith(fresh, seen, to, all)) expect(false, problem)
  }
}

// A worker at a newer version than its control plane stays in the middle of its update.
async function deleteInTheMiddle(run: ScenarioRun): Promise<void> {
  const { kube, name, cluster, site, timeline, expect } = run
  const { from, to } = site.management
  const shape: Shape = {
    namespace: `${name}-deleted`,
    name: `${cluster}-deleted`,
    version: from,
    controlPlanes: 1,
    workers: 1,
  }
  await createCluster(run, shape)
  const containers = (await machinesOf(kube, shape.namespace, shape.name)).map(containerOf)
  await setVersion(kube, shape, 'worker', to)
  const underWay = await until('the worker is being updated', 180, async () => {
    const [worker] = await machinesOf(kube, shape.namespace, shape.name, 'worker')
    const message = worker && condition(worker, 'Updating')?.message
    return /In-place update in progress: step/.test(message ?? '') && message
  })
  timeline.note(`${shape.name} is deleted while: ${underWay}`)
  await deleteCluster(kube, shape)
  const left = (await allContainers()).filter((container) => containers.some((machine) => container.includes(machine)))
  expect(left.length === 0, `containers are left: ${left.join(', ')}`)
}

async function allContainers(): Promise<string[]> {
  return (await execa('docker', ['ps', '--all', '--format={{.Names}}'])).stdout.split('\n')
}

function isIn(machines: CapiMachine[]) {
  return ({ metadata }: CapiMachine) => machines.some((one) => one.metadata.uid === metadata.uid)
}

function not<T>(holds: (value: T) => boolean) {
  return (value: T) => !holds(value)
}

function names(machines: CapiMachine[]): string {
  return machines.map(({ metadata }) => metadata.name).join(', ') || 'none'
}
