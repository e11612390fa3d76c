import type { Role } from '../role.ts'

/** When, by a step's effect, something breaks. */
export type Boundary = 'before' | 'during' | 'after'

/** What breaks; faults.ts says how. */
export type FaultName =
  | 'service-kill'
  | 'replica-kill'
  | 'unit-kill'
  | 'container-kill'
  | 'disk-full'
  | 'network-cut'
  | 'engine-stop'

/** One thing that breaks at one boundary of one step. */
export interface Row {
  /** The four words below with dots between them. */
  id: string
  role: Role
  step: string
  boundary: Boundary
  fault: FaultName
}

// Rows of one line are played one after the other in one upgrade of one machine, in the order of its steps.
const controlPlanes = [
  'kubeadm.during.unit-kill',
  'binaries.during.network-cut kubeadm.during.container-kill',
  'kubeadm-config.during.engine-stop kubeadm.before.disk-full static-pods.during.replica-kill',
  'preflight.during.service-kill images.during.engine-stop kubelet.during.container-kill',
  'image-list.before.replica-kill kubeadm.during.network-cut verify.during.service-kill',
  'images.before.disk-full kubeadm.during.service-kill tidy.before.service-kill',
  'manifests.before.disk-full',
]

// A worker's kubeadm takes a quarter of a second: nothing is fast enough to break something in the middle of it.
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

/** The rows that are played on one machine in one upgrade. */
export type Turn = readonly Row[]

/** One cluster's worth of rows: its control plane machine, and then its workers. */
export interface Batch {
  controlPlane: Turn
  workers: readonly Turn[]
}

/** How many workers the cluster of a batch has. */
export const workersPerBatch = 4

/** The turns that are played where no row is named. */
export function defaultTurns(): Turn[] {
  return [...turns('control-plane', controlPlanes), ...turns('worker', workers)]
}

/** The rows that CI plays, on the machines of the demo. */
export function shortTurns(): Turn[] {
  return [
    ...turns('control-plane', ['kubeadm.during.unit-kill']),
    ...turns('worker', ['binaries.during.service-kill kubelet.during.container-kill']),
  ]
}

/** Reads the id of a row. Throws where there is no such row. */
export function rowOf(id: string): Row {
  const [role = '', step = '', boundary = '', fault = '', ...rest] = id.split('.')
  const isKnown =
    (role === 'control-plane' || role === 'worker') &&
    rest.length === 0 &&
    allSteps.includes(step) &&
    boundaries.includes(boundary) &&
    faultNames.includes(fault)
  if (!isKnown) throw new Error(`There is no row "${id}": a row is <role>.<step>.<boundary>.<fault>.`)
  return { id, role, step, boundary: boundary as Boundary, fault: fault as FaultName }
}

/** Spreads turns over clusters, in their order. */
export function batchesOf(all: readonly Turn[]): Batch[] {
  const left = { 'control-plane': of(all, 'control-plane'), worker: of(all, 'worker') }
  const batches: Batch[] = []
  while (left['control-plane'].length + left.worker.length > 0) {
    batches.push({ controlPlane: left['control-plane'].shift() ?? [], workers: left.worker.splice(0, workersPerBatch) })
  }
  return batches
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
]

/** The steps of both plans, in their order. */
export const allSteps: readonly string[] = [
  'preflight',
  'manifests',
  'binaries',
  'kubeadm-config',
  'image-list',
  'image-archive',
  'images',
  'api-servers',
  'files',
  'kubeadm',
  'static-pods',
  'kubelet',
  'verify',
  'tidy',
]

function of(all: readonly Turn[], role: Role): Turn[] {
  return all.filter(([first]) => first?.role === role)
}

function turns(role: Role, lines: readonly string[]): Turn[] {
  return lines.map((line) => line.split(' ').map((word) => rowOf(`${role}.${word}`)))
}
