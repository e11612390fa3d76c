import { old, target } from '../../fake-docker/release.ts'
import { type Boundary, FaultAt } from './boundaries.ts'
import { runs } from './health.ts'
import { leftOn } from './watch.ts'
import { isThere } from './wish.ts'
import { type Kind, ModelWorld } from './world.ts'

const downSeconds = 5
const lastingSeconds = 60

/** The faults, by what a reader calls them. */
const faults: Record<string, (world: ModelWorld, replica: number) => void> = {
  'all processes killed': (world) => {
    for (const index of [0, 1]) world.crash(index, downSeconds)
  },
  'one of two replicas killed': (world, replica) => world.crash(replica, lastingSeconds),
  'unit killed': (world) => world.killUnit(),
  'container restarted': (world) => world.restartContainer(downSeconds),
  'disk full': (world) => world.fillDisk(lastingSeconds),
  'network cut': (world) => world.faults.begin('network cut', lastingSeconds),
  'engine away': (world) => {
    world.faults.begin('engine away 0', lastingSeconds)
    world.faults.begin('engine away 1', lastingSeconds)
  },
}
export const faultNames = Object.keys(faults)

const prepare = ['binaries', 'kubeadm-config', 'image-list', 'image-archive', 'images']
const ways = {
  worker: ['preflight', 'begin', ...prepare, 'api-servers', 'files', 'kubeadm', 'kubelet', 'verify', 'tidy', 'done'],
  'control-plane': [
    'preflight',
    'begin',
    'manifests',
    ...prepare,
    'files',
    'render',
    'prepare',
    'images-loaded',
    'exchange',
    'kubeadm',
    'static-pods',
    'kubelet',
    'verify',
    'tidy',
    'done',
  ],
}

/** The steps at whose boundaries faults begin, in order; begin and done are the two ends of the attempt. */
export function stepsOf({ role, images, exchange }: Kind): string[] {
  const left = [
    ...(images === 'node-image' ? [] : ['image-archive']),
    // What is exchanged together leaves nothing to wait for, or to do, for the steps of the other way.
    ...(exchange === 'together' ? ['static-pods', 'kubelet'] : ['render', 'prepare', 'images-loaded', 'exchange']),
  ]
  return ways[role].filter((step) => !left.includes(step))
}

/** True where there is such a moment, and something that the fault could harm. */
export function isPossible(step: string, boundary: Boundary, fault: string): boolean {
  const isUnit = ['binaries', 'images', 'render', 'prepare', 'exchange', 'kubeadm', 'kubelet'].includes(step)
  if (fault === 'unit killed') return isUnit && boundary === 'during'
  // One look, and one line that is renamed into its place.
  return boundary !== 'during' || (step !== 'preflight' && step !== 'done')
}

/** How an upgrade ended that had a fault. */
export interface Recovery {
  /** From the beginning of the fault to the answer that it is done. */
  seconds: number
  /** Codes of the failures that were reported on the way. */
  failures: string[]
  /** What is not as it has to be; empty where everything is. */
  wrong: string[]
}

/** Lets one fault happen, and polls for at most ten minutes from then on. */
export async function recoverFrom(kind: Kind, step: string, boundary: Boundary, fault: string): Promise<Recovery> {
  const world = new ModelWorld(kind)
  let began = Number.NaN
  const faultAt = new FaultAt(world, step, boundary, (replica) => {
    began = world.clock.monotonic()
    faults[fault]?.(world, replica)
  })
  world.interceptor = faultAt
  world.request(0, { version: target, file: 'one' }, fault === 'one of two replicas killed' ? 'both' : 0)
  holdBack(world, step)
  const failures = new Set<string>()
  const isDone = () => {
    const { answer, isDone } = world.callers[0] ?? {}
    if (answer?.error) failures.add(answer.error.code)
    return isDone === true
  }
  await world.pass(600, () => faultAt.isHit || isDone())
  await world.pass(600, isDone)
  const seconds = Math.round((world.clock.monotonic() - began) / 1000)
  const wrong = [...(faultAt.isHit ? [] : ['the step was never met']), ...wrongIn(world)]
  return { seconds, failures: [...failures], wrong }
}

// What makes these steps wait, or act.
function holdBack(world: ModelWorld, step: string): void {
  const { cluster, machine } = world
  if (step === 'verify') world.holdNode()
  if (step === 'images-loaded') world.holdUnit('images', 30)
  if (step === 'kubeadm-config') cluster.kubeadmConfigVersion = old
  if (step === 'api-servers') {
    for (const { apiServer } of cluster.machines) if (apiServer) apiServer.version = old
  }
  if (step === 'manifests') {
    const image = machine.manifests['kube-scheduler'] ?? ''
    machine.files.set('/etc/kubernetes/tmp/kubeadm-backup-manifests-1/kube-scheduler.yaml', image)
    machine.removeManifest('kube-scheduler')
  }
}

function wrongIn(world: ModelWorld): string[] {
  const { machine, callers, violations, wish } = world
  const wrong = [...violations, ...leftOn(machine).map((left) => `left: ${left}`)]
  if (!callers[0]?.isDone) wrong.push(`not done: ${callers[0]?.answer?.message}`)
  if (!runs(machine, wish.version)) wrong.push('the machine is not at the target')
  if (!isThere(machine, wish)) wrong.push('the file or the argument is not there')
  return wrong
}
