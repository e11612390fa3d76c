import { expect, test } from 'vitest'
import { discoveryPath, hooks, pathOf } from '../../src/contract/catalogue.ts'
import { captured } from './captured.ts'

// Cluster API built these addresses itself, from what discovery had told it.
test.each([
  ['discovery', discoveryPath],
  ['can-update-machine.version', pathOf(hooks.canUpdateMachine)],
  ['can-update-machine-set.version', pathOf(hooks.canUpdateMachineSet)],
  ['update-machine.worker', pathOf(hooks.updateMachine)],
])('the path of the captured %s is one that is served', (name, path) => {
  expect(captured(name).url.split('?')[0]).toBe(path)
})

test.each(Object.values(hooks))('the time limit of $hook is the one that Cluster API used', ({
  hook,
  timeoutSeconds,
}) => {
  const names = {
    CanUpdateMachine: 'can-update-machine.version',
    CanUpdateMachineSet: 'can-update-machine-set.version',
    UpdateMachine: 'update-machine.worker',
  }
  expect(captured(names[hook]).url.split('?')[1]).toBe(`timeout=${timeoutSeconds}s`)
})
