import { imageIn } from '../../fake-docker/machine.ts'
import { runningOn, runs } from './health.ts'
import { leftOn } from './watch.ts'
import { isThere, nameOf } from './wish.ts'
import type { ModelWorld } from './world.ts'

// Three failures in a row rest for an hour; another one may have begun before the faults ended.
const longestHours = 3
// After a failure a kubelet that was put back starts, and after it the static pods.
const settlingSeconds = 20
// A request that was made a moment ago may begin another attempt.
const beginsWithinSeconds = 100

/** No more faults, and polling goes on: then the machine comes to a state that it may be left in. */
export async function comeToRest(world: ModelWorld): Promise<void> {
  const { faults, replicas, callers, wish } = world
  world.tell('the faults end')
  faults.end()
  for (const index of replicas.keys()) if (!replicas[index]?.isAlive) world.crash(index, 0)
  for (const caller of callers) caller.withdraw()
  // A container that is down comes back, and what was requested before counts as taken back.
  await world.pass(200)
  world.request(0, wish, 'both')
  const [caller] = callers
  const isAtEnd = () => caller?.isDone === true || isPermanent(world)
  await world.pass(longestHours * 3600, isAtEnd)
  // Who has gone below what runs already has to come back.
  if (caller?.answer?.error?.code === 'MACHINE_NEWER' && isAtEnd()) {
    world.request(0, { ...wish, version: [...world.requested].sort().at(-1) ?? wish.version }, 'both')
    await world.pass(longestHours * 3600, isAtEnd)
  }
  if (!isAtEnd())
    world.watch.violated(`after ${longestHours} h without faults: ${caller?.answer?.message ?? 'no answer'}`)
  // An attempt that begins again after a failure, in this moment, comes to its end or is dropped.
  const isDone = caller?.isDone === true
  for (const each of callers) each.withdraw()
  await world.pass(beginsWithinSeconds)
  await world.pass(3600, () => world.watch.record?.state !== 'open')
  if (world.watch.record?.state === 'open') world.watch.violated('an attempt that is not requested stays open')
  await world.pass(settlingSeconds)
  checkRest(world, isDone)
  await world.check()
}

function checkRest(world: ModelWorld, isDone: boolean): void {
  const { machine, watch, wish, requested } = world
  const { kubelet, pods, ailments } = runningOn(machine)
  if (ailments.length > 0) watch.violated(`at rest, ${ailments.join(', ')}`)
  if (!requested.has(kubelet)) watch.violated(`at rest, the kubelet is at ${kubelet}`)
  const isMixed = pods !== undefined && pods !== kubelet
  // kubeadm never goes back, so this is where a control plane whose new kubelet does not run can rest.
  const isSpoken = watch.record?.failure?.code === 'KUBELET_NOT_UP'
  if (isMixed && !(isSpoken && requested.has(pods)))
    watch.violated(`at rest, static pods at ${pods}, kubelet at ${kubelet}`)
  if (!isDone) return
  if (!runs(machine, wish.version) || !isThere(machine, wish)) watch.violated(`done, and it is not as ${nameOf(wish)}`)
  const left = leftOn(machine)
  if (left.length > 0) watch.violated(`done, and there is still ${left.join(', ')}`)
}

/** True when the last answer is a failure that no polling mends. */
function isPermanent(world: ModelWorld): boolean {
  const { machine, callers, wish, kind, watch } = world
  const { answer } = callers[0] ?? {}
  if (answer?.phase !== 'Failed' || watch.record?.state === 'open') return false
  switch (answer.error?.code) {
    case 'KUBELET_NOT_UP':
    case 'EXCHANGE_UNDONE':
      return machine.brokenKubelets.has(wish.version)
    case 'MACHINE_NEWER':
      return (
        (imageIn(machine.manifests['kube-apiserver'] ?? '').split(':')[1] ?? machine.kubelet.version) > wish.version
      )
    case 'IMAGE_SOURCE_LACKS':
      // The control plane is ahead of what the worker is to become, and its images are in no image of that version.
      return (
        kind.role === 'worker' && kind.images === 'node-image' && machine.cluster.kubeadmConfigVersion > wish.version
      )
    default:
      return false
  }
}
