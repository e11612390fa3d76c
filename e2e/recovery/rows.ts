import type { Role } from '../witness/role.ts'
import { momentsOf } from './moments.ts'
import { stepsOf, type UpgradeWay, waysOf } from './steps.ts'

/** When a fault is injected, relative to a step: one of `boundaries`, or a moment of moments.ts. */
export type Boundary = string

/** The faults, which faults.ts implements. */
export type FaultName =
  | 'service-kill'
  | 'replica-kill'
  | 'unit-kill'
  | 'container-kill'
  | 'disk-full'
  | 'network-cut'
  | 'engine-stop'
  | 'broken-argument'
  | 'broken-kubelet'
  | 'member-kill'
  | 'balancer-stop'

/** One fault at one boundary of one step. */
export interface Row {
  /** `<role>.<step>.<boundary>.<fault>` */
  id: string
  role: Role
  step: string
  boundary: Boundary
  fault: FaultName
}

// The rows of one line run in one upgrade of one machine, in the order of its steps. A killed exchange starts again and passes
// its earlier moments again, but not the renames that are done.
const controlPlanes = [
  'exchange.during.unit-kill',
  'exchange.before.broken-argument',
  'prepare.certificates-renewed.unit-kill exchange.kubelet-stopped.unit-kill exchange.scheduler-ended.unit-kill exchange.controller-manager-ended.unit-kill exchange.api-server-ended.unit-kill exchange.etcd-ended.unit-kill exchange.kubelet-started.unit-kill',
  'exchange.etcd-renamed.unit-kill exchange.api-server-renamed.unit-kill exchange.controller-manager-renamed.unit-kill exchange.scheduler-renamed.unit-kill exchange.kubelet-renamed.unit-kill exchange.kubectl-renamed.unit-kill exchange.kubeadm-renamed.unit-kill',
  'exchange.kubelet-stopped.container-kill exchange.etcd-ended.container-kill exchange.scheduler-renamed.container-kill exchange.kubeadm-renamed.container-kill',
  'prepare.before.disk-full exchange.etcd-ended.service-kill verify.during.container-kill',
  'render.after.replica-kill exchange.api-server-ended.replica-kill exchange.kubelet-started.container-kill',
  'exchange.kubelet-stopped.broken-kubelet',
  'render.before.engine-stop exchange.during.network-cut',
  'prepare.certificates-renewed.container-kill exchange.scheduler-ended.container-kill exchange.controller-manager-ended.container-kill exchange.api-server-ended.container-kill',
  'render.after.container-kill exchange.etcd-renamed.container-kill exchange.api-server-renamed.container-kill exchange.controller-manager-renamed.container-kill',
  'exchange.kubelet-renamed.container-kill exchange.kubectl-renamed.container-kill',
  'kubeadm.during.unit-kill',
  'binaries.during.network-cut kubeadm.during.container-kill',
  'kubeadm-config.during.engine-stop kubeadm.before.disk-full static-pods.during.replica-kill',
  'preflight.during.service-kill images.during.engine-stop kubelet.during.container-kill',
  'image-list.before.replica-kill kubeadm.during.network-cut verify.during.service-kill',
  'images.before.disk-full kubeadm.during.service-kill tidy.before.service-kill',
  'manifests.before.disk-full',
]

// Rows that need several members and the load balancer of Cluster API's Docker provider.
const members = [
  'exchange.drained.unit-kill exchange.kubelet-stopped.member-kill',
  'exchange.drained.container-kill exchange.kubelet-started.balancer-stop',
]

// kubeadm on a worker takes a quarter of a second, too short for a fault in the middle of it.
const workers = [
  'binaries.during.service-kill',
  'kubelet.during.container-kill',
  'images.during.unit-kill',
  'binaries.during.network-cut',
  'image-archive.during.engine-stop',
  'kubelet.before.disk-full',
  'binaries.during.replica-kill',
  'kubeadm.before.service-kill',
  'images.during.container-kill',
  'kubelet.during.engine-stop',
  'images.before.disk-full',
  'kubelet.during.replica-kill',
  'kubeadm.after.replica-kill',
  'image-archive.during.container-kill',
  'kubeadm.before.network-cut',
  'binaries.during.disk-full',
  'image-archive.during.unit-kill',
  'image-list.before.container-kill',
  'kubelet.after.container-kill',
  'kubelet.after.service-kill',
  'tidy.during.service-kill',
  'kubeadm.before.engine-stop',
  'kubelet.during.unit-kill',
  'images.after.service-kill',
  'api-servers.during.container-kill',
  'files.before.disk-full',
]

/** The rows that run in one upgrade of one machine. */
export type Turn = readonly Row[]

/** The turns of one cluster: of its control plane machine, and then of its workers. */
export interface Batch {
  controlPlane: Turn
  workers: readonly Turn[]
}

/** How many workers the cluster of a batch has. */
export const workersPerBatch = 4

/** The turns that run by default. */
export function defaultTurns(): Turn[] {
  return [...turns('control-plane', controlPlanes), ...turns('worker', workers)]
}

/** The turns that run by default in clusters with several control plane machines. */
export function memberTurns(): Turn[] {
  const usual = turns('control-plane', controlPlanes)
  return [...turns('control-plane', members), ...usual.filter((turn) => wayOf(turn, 'control-plane') === 'together')]
}

/** The turns that CI runs, on the machines of the demo. */
export function shortTurns(): Turn[] {
  return [
    ...turns('control-plane', ['exchange.during.unit-kill']),
    ...turns('worker', ['binaries.during.service-kill kubelet.during.container-kill']),
  ]
}

/** Parses the id of a row. Throws when there is no such row. */
export function rowOf(id: string): Row {
  const [role = '', step = '', boundary = '', fault = '', ...rest] = id.split('.')
  const isKnown =
    (role === 'control-plane' || role === 'worker') &&
    rest.length === 0 &&
    waysOf(role).some((way) => stepsOf(way).includes(step)) &&
    [...boundaries, ...momentsOf(step)].includes(boundary) &&
    isFault(fault)
  if (!isKnown) throw new Error(`There is no row "${id}": a row is <role>.<step>.<boundary>.<fault>.`)
  return { id, role, step, boundary, fault }
}

/** Parses ids of rows with "+" between them. Throws when they cannot run in one upgrade of one machine. */
export function turnOf(ids: string): Turn {
  const turn = ids.split('+').map(rowOf)
  if (new Set(turn.map(({ role }) => role)).size > 1) throw new Error(`"${ids}" names machines of both roles.`)
  wayOf(turn, turn[0]?.role ?? 'control-plane')
  return turn
}

/**
 * The way of a machine's upgrade in a turn: the default, or kubeadm's own exchange for rows that only it has. Throws when the
 * rows need both ways.
 */
export function wayOf(turn: Turn, role: Role): UpgradeWay {
  if (role === 'worker') return 'worker'
  const needsOld = turn.filter(
    ({ step, boundary }) => ['static-pods', 'kubelet'].includes(step) || (step === 'kubeadm' && boundary === 'during'),
  )
  const needsNew = turn.filter(({ step }) => !stepsOf('one-by-one').includes(step))
  if (needsOld[0] && needsNew[0]) throw new Error(`${needsOld[0].id} and ${needsNew[0].id} need two different ways.`)
  return needsOld.length > 0 ? 'one-by-one' : 'together'
}

/** Distributes turns over clusters, in their order. */
export function batchesOf(all: readonly Turn[]): Batch[] {
  const left = { 'control-plane': of(all, 'control-plane'), worker: of(all, 'worker') }
  const batches: Batch[] = []
  while (left['control-plane'].length + left.worker.length > 0) {
    batches.push({ controlPlane: left['control-plane'].shift() ?? [], workers: left.worker.splice(0, workersPerBatch) })
  }
  return batches
}

/**
 * Returns the ids of the rows that are usually played in clusters with so many control plane machines, one line for each
 * machine.
 */
export function listRows(members: number): string[] {
  return (members > 1 ? memberTurns() : defaultTurns()).map((turn) => turn.map(({ id }) => id).join('+'))
}

/** Checks the ids of rows of one machine. Throws when one does not exist, or not in clusters with so many members. */
export function checkRows(ids: string, members: number): void {
  const turn = turnOf(ids)
  if (members > 1 && turn[0]?.role === 'worker') throw new Error(`"${ids}" does not name a control plane machine.`)
}

const boundaries: readonly string[] = ['before', 'during', 'after']
const faultNames: readonly string[] = [
  'service-kill',
  'replica-kill',
  'unit-kill',
  'container-kill',
  'disk-full',
  'network-cut',
  'engine-stop',
  'broken-argument',
  'broken-kubelet',
  'member-kill',
  'balancer-stop',
] satisfies FaultName[]

function isFault(name: string): name is FaultName {
  return faultNames.includes(name)
}

function of(all: readonly Turn[], role: Role): Turn[] {
  return all.filter(([first]) => first?.role === role)
}

function turns(role: Role, lines: readonly string[]): Turn[] {
  return lines.map((line) => line.split(' ').map((word) => rowOf(`${role}.${word}`)))
}
