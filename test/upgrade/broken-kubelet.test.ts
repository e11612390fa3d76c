import { expect, test } from 'vitest'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { startMachine, stopMachine } from './model/machine-faults.ts'
import { begin, walk, when } from './walk.ts'

const labs: [string, () => Lab][] = [
  ['cp-1', () => startQuickLab('cp-1')],
  ['w-1', () => startWorkersLab('w-1')],
]

test.each(
  labs,
)('%s gets its kubelet back although it was restarted with one that does not run', async (name, start) => {
  const lab = start()
  const machine = lab.machine(name)
  machine.brokenKubelets.add(target)
  const first = begin(lab, name)
  when(lab, name, `kubelet ${target} starts`, () => lab.clock.stop())
  await first.ended
  lab.clock.resume()
  stopMachine(machine)
  startMachine(machine)
  // Another process: its plan begins with steps that need the API server.
  expect((await walk(lab, name)).run.progress.phase).toBe('Failed')
  lab.clock.pass(15)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
  expect((await walk(lab, name)).run.progress.error?.code).toBe('KUBELET_NOT_UP')
})
