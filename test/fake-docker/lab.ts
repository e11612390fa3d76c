import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { dockerEngine } from '../../src/machine/docker-engine.ts'
import type { Engine } from '../../src/machine/engine.ts'
import { SimulatedCluster } from './cluster.ts'
import { machineContainer } from './container.ts'
import { FakeEngine } from './engine.ts'
import { inProcess } from './in-process.ts'
import { SimulatedMachine } from './machine.ts'
import { nodeImage } from './node-image.ts'
import { digestOf, imagesOf, staticPodsOf, target } from './release.ts'
import { SimulatedClock } from './simulated-clock.ts'

interface World {
  clock: SimulatedClock
  cluster: SimulatedCluster
  fake: FakeEngine
  machine: (name: string) => SimulatedMachine
}

export interface Lab extends World {
  engine: Engine
}

export const silent = pino({ level: 'silent' })

// A cluster of these machines at the old version, on a fake engine that also has the node images of the target
// and of the patches next to it. Its
// kubeadm-config names the target, as KCP has it before it upgrades machines. Gone when the test ends.
export async function startLab(...names: string[]): Promise<Lab> {
  const world = createTestWorld(names)
  await world.fake.up()
  return { ...world, engine: dockerEngine({ docker: world.fake.docker }) }
}

// The same, asked without dockerode and a socket between: for tests of what is asked, not of how.
export function startQuickLab(...names: string[]): Lab {
  const world = createTestWorld(names)
  return { ...world, engine: inProcess(world.fake) }
}

// A lab whose control plane machine, cp-1, is at the target: now it is the workers' turn.
export function startWorkersLab(...workers: string[]): Lab {
  const lab = startQuickLab('cp-1', ...workers)
  putAtTarget(lab, 'cp-1')
  return lab
}

// Puts a machine at the target as if it had been upgraded long ago.
export function putAtTarget({ cluster, clock, machine }: Lab, name: string): SimulatedMachine {
  const found = machine(name)
  for (const program of ['kubeadm', 'kubelet', 'kubectl']) found.files.set(`/usr/bin/${program}`, target)
  if (found.role === 'control-plane') {
    for (const [pod, image] of Object.entries(staticPodsOf(target))) found.setManifest(pod, image)
  }
  for (const image of imagesOf(target)) found.images.set(image, digestOf(image))
  found.restartKubelet()
  clock.pass(60)
  found.effects.length = 0
  cluster.story.length = 0
  return found
}

// Names have the role: cp-1 is a control plane machine, all others are workers.
export function addMachine({ clock, cluster, fake }: Omit<World, 'machine'>, name: string): void {
  const role = name.startsWith('cp-') ? 'control-plane' : 'worker'
  fake.containers.push(machineContainer(new SimulatedMachine(name, role, cluster, clock)))
}

function createTestWorld(names: string[]): World {
  const world = createWorld(names)
  onTestFinished(async () => {
    world.clock.stop()
    await world.fake.remove()
    const unknown = [...world.fake.unknown, ...world.cluster.machines.flatMap((machine) => machine.unknown)]
    if (unknown.length > 0) throw new Error(`not simulated:\n${unknown.join('\n')}`)
  })
  return world
}

/** The same, for a test that makes many and checks each of them itself: nothing is done when the test ends. */
export function createWorld(names: string[], clock = new SimulatedClock()): World {
  const cluster = new SimulatedCluster('lab')
  cluster.kubeadmConfigVersion = target
  const fake = new FakeEngine()
  for (const name of names) addMachine({ clock, cluster, fake }, name)
  for (const version of [target, 'v1.35.3', 'v1.35.5']) {
    fake.helpers.images.set(`kindest/node:${version}`, nodeImage(clock, version))
  }
  const machine = (name: string) => fake.container(name).machine as SimulatedMachine
  return { clock, cluster, fake, machine }
}
