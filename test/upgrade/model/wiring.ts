import type { Ending } from '../../fake-docker/units.ts'
import { doHalf, failedRun, mindManifests } from './machine-faults.ts'
import type { ModelWorld } from './world.ts'

/** Lets the world see what is done to its machine. */
export function wireMachine(world: ModelWorld): void {
  const { machine, watch } = world
  mindManifests(machine)
  const did = machine.did
  machine.did = (effect) => {
    if (effect.startsWith('write ')) watch.touched()
    world.tell(`  ${effect}`)
    did(effect)
  }
}

/** Lets the world see its machine's units, and lets them fail. */
export function wireUnits(world: ModelWorld): void {
  const { watch } = world
  const { units } = world.machine
  const start = units.start.bind(units)
  units.start = (name, script, limitSeconds, end) => {
    start(name, script, limitSeconds, () => endUnit(world, script, end))
    watch.unitStarted(script)
  }
  const forget = units.forget.bind(units)
  units.forget = (name) => {
    watch.unitForgotten(name)
    forget(name)
  }
}

function endUnit({ faults, kind, machine }: ModelWorld, script: string, end: () => Ending): Ending {
  const fault = faults.units.get(script)?.shift()
  const needsNetwork =
    (script === 'binaries' && kind.binaries !== 'node-image') || (script === 'images' && kind.images === 'pull')
  const isCut = needsNetwork && faults.has('network cut')
  if (fault === undefined && !isCut && !machine.diskIsFull) return end()
  if (fault === 'after') end()
  else if (typeof fault === 'object') doHalf(machine, script, fault.halfway)
  return failedRun(script)
}
