import { expect, test } from 'vitest'
import { target } from '../fake-docker/release.ts'
import { ModelWorld } from './model/world.ts'

test('a unit that was started again and has ended meanwhile is not started by a process that is late', async () => {
  // Every second command of one of the processes takes longer than a unit runs.
  const world = new ModelWorld({ role: 'control-plane', images: 'pull', delays: [[0.5, 4], []] })
  world.faults.units.set('kubelet', ['before'])
  for (const caller of [0, 1] as const) world.request(caller, { version: target, file: 'no file' }, caller)
  const { units } = world.machine
  await world.pass(60, () => units.running.includes('capd-kubeadm-upgrader-images'))
  await world.pass(2)
  world.fillDisk(60)
  // No note of the request changes the record meanwhile.
  for (const each of world.callers) each.withdraw()
  await world.pass(120)
  expect(world.violations).toEqual([])
  expect(units.starts.filter((name) => name.endsWith('-kubelet'))).toHaveLength(2)
})
