import { patchField, successResponse } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { CanUpdateMachineSetRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { readSettings } from '../contract/settings.ts'
import { type Decision, decide } from '../decide/decide.ts'

const parse = parser(CanUpdateMachineSetRequest)

/**
 * Answers CanUpdateMachineSet: which differences between two MachineSets are made in place in the worker machines.
 * Cluster API caches the response for 24 h, so an error is never answered with empty patches. Throws REQUEST_… and
 * SETTING_… errors.
 */
export function answerCanUpdateMachineSet(body: string, report: (name: string, decision: Decision) => void) {
  const { settings, current, desired } = parse(body)
  const { changes, exchange, inMemory, disableInPlaceUpdates } = readSettings(settings)
  const root = ['spec', 'template', 'spec']
  const decision = decide({
    role: 'worker',
    changes,
    inMemory,
    exchange,
    disableInPlaceUpdates,
    machine: { current: current.machineSet, desired: desired.machineSet, root },
    infrastructure: {
      current: current.infrastructureMachineTemplate,
      desired: desired.infrastructureMachineTemplate,
      root,
    },
    bootstrapConfig: { current: current.bootstrapConfigTemplate, desired: desired.bootstrapConfigTemplate, root },
  })
  report(desired.machineSet.metadata.name, decision)
  return successResponse(hooks.canUpdateMachineSet.hook, '', {
    ...patchField('machineSetPatch', decision.operations.machine),
    ...patchField('bootstrapConfigTemplatePatch', decision.operations.bootstrapConfig),
    affectsAvailability: decision.affectsAvailability,
  })
}
