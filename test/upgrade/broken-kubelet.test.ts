import { expect, test } from 'vitest'
import { startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { startMachine, stopMachine } from './model/machine-faults.ts'
import { begin, walk } from './walk.ts'

test.each([
  ['cp-1', 'together', 'EXCHANGE_UNDONE'],
  ['cp-1', 'one-by-one', 'KUBELET_NOT_UP'],
  ['w-1', 'together', 'KUBELET_NOT_UP'],
])('%s, %s, gets its kubelet back although it was restarted with one that does not run', async (name, exchange, code) => {
  const lab = name === 'w-1' ? startWorkersLab('w-1') : startQuickLab('cp-1')
  const settings = { exchange }
  const machine = lab.machine(name)
  machine.brokenKubelets.add(target)
  const first = begin(lab, name, { settings })
  // At once: the exchange notes its failure in the same second.
  const { did } = machine
  machine.did = (effect) => {
    did.call(machine, effect)
    if (effect === `kubelet ${target} starts`) lab.clock.stop()
  }
  await first.ended
  machine.did = did
  lab.clock.resume()
  stopMachine(machine)
  startMachine(machine)
  // Another process: its plan begins with steps that need the API server.
  expect((await walk(lab, name, { settings })).run.progress.phase).toBe('Failed')
  lab.clock.pass(15)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
  expect((await walk(lab, name, { settings })).run.progress.error?.code).toBe(code)
})
