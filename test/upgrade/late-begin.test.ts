import { expect, test } from 'vitest'
import { target } from '../fake-docker/release.ts'
import { comeToRest } from './model/rest.ts'
import { ModelWorld, patch } from './model/world.ts'

// How long each command of the other process takes: in one of them the unit ends between its look and its change.
const seconds = [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]

test('an attempt that begins late keeps what a unit of a lost attempt has left since it looked', async () => {
  for (const delay of seconds) {
    const world = new ModelWorld({ role: 'worker', images: 'node-image', delays: [[0], [delay]] })
    world.faults.units.set('kubelet', [{ halfway: 1 }])
    world.request(0, { version: target, file: 'no file' }, 0)
    await world.pass(120, () => world.machine.units.running.includes('capd-kubeadm-upgrader-kubelet'))
    world.callers[0]?.withdraw()
    world.crash(0, 600)
    world.loseRecord()
    world.request(1, { version: patch, file: 'one' }, 1)
    await world.pass(3 * delay)
    // Its images are in no image of that version by now, so it fails and the machine gets back what it had.
    world.request(1, { version: target, file: 'no file' }, 1)
    await comeToRest(world)
    expect(world.violations).toEqual([])
  }
})
