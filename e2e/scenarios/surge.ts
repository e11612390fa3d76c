import { execa } from 'execa'
import { createCluster, deleteCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { condition, containerOf, type Machine, machinesOf, snapshots } from '../management/machines.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import type { Shape } from '../management/workload.ts'
import type { Role } from '../witness/role.ts'
import type { Snapshot } from '../witness/snapshot.ts'

const limitSeconds = 1800

export const surge: Scenario = {
  proves:
    'With maxSurge 1 one machine is new, one goes and the others stay and are updated in place, on a control plane and on a MachineDeployment. A cluster that is deleted in the middle of an update goes, and nothing of it is left.',
  async play(play) {
    const { name, cluster, site } = play
    const { from } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 2, surge: 1 }
    await createCluster(play, shape)
    const upgraded = [await upgrade(play, shape, 'control-plane'), await upgrade(play, shape, 'worker')]
    await judge(play, shape, upgraded)
    await deleteInTheMiddle(play)
  },
}

interface Upgraded {
  before: Map<string, Snapshot>
  stayed: Machine[]
  fresh: Machine[]
}

async function upgrade(play: Play, shape: Shape, role: Role): Promise<Upgraded> {
  const { kube, site, timeline, expect, figure } = play
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
  expect(fresh.length === 1 && gone.length === 1, `${role}: not one machine is new and one is gone`)
  return { before, stayed, fresh }
}

// Only when both are done: kube-proxy's DaemonSet moves one pod at a time, and waits for the workers' images.
async function judge({ kube, site, expect }: Play, { namespace, name }: Shape, upgraded: Upgraded[]): Promise<void> {
  const { to } = site.management
  const all = await machinesOf(kube, namespace, name)
  const seen = await snapshots(all)
  for (const { before, stayed, fresh } of upgraded) {
    for (const problem of await wrongWith(stayed, before, to, all)) expect(false, problem)
    for (const problem of await wrongWith(fresh, seen, to, all)) expect(false, problem)
  }
}

// A worker that waits for its control plane is in the middle of its update for as long as is wanted.
async function deleteInTheMiddle(play: Play): Promise<void> {
  const { kube, name, cluster, site, timeline, expect } = play
  const { from, to } = site.management
  const shape: Shape = {
    namespace: `${name}-deleted`,
    name: `${cluster}-deleted`,
    version: from,
    controlPlanes: 1,
    workers: 1,
  }
  await createCluster(play, shape)
  const containers = (await machinesOf(kube, shape.namespace, shape.name)).map(containerOf)
  await setVersion(kube, shape, 'worker', to)
  const underWay = await until('the worker is being updated', 180, async () => {
    const [worker] = await machinesOf(kube, shape.namespace, shape.name, 'worker')
    const message = worker && condition(worker, 'Updating')?.message
    return /In-place update in progress: step/.test(message ?? '') && message
  })
  timeline.note(`${shape.name} is deleted while: ${underWay}`)
  await deleteCluster(kube, shape)
  const left = (await containersThatAre()).filter((container) =>
    containers.some((machine) => container.includes(machine)),
  )
  expect(left.length === 0, `containers are left: ${left.join(', ')}`)
}

async function containersThatAre(): Promise<string[]> {
  return (await execa('docker', ['ps', '--all', '--format={{.Names}}'])).stdout.split('\n')
}

function isIn(machines: Machine[]) {
  return ({ metadata }: Machine) => machines.some((one) => one.metadata.uid === metadata.uid)
}

function not<T>(holds: (value: T) => boolean) {
  return (value: T) => !holds(value)
}

function names(machines: Machine[]): string {
  return machines.map(({ metadata }) => metadata.name).join(', ') || 'none'
}
