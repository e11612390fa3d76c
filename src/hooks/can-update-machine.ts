import { patchField, successResponse } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { CanUpdateMachineRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { readSettings } from '../contract/settings.ts'
import { type Decision, decide } from '../decide/decide.ts'
import { roleOf } from '../kubernetes/kinds.ts'

const parse = parser(CanUpdateMachineRequest)

/**
 * Answers CanUpdateMachine: which differences of a control plane machine are made in place. Throws REQUEST_… and
 * SETTING_… errors.
 */
export function answerCanUpdateMachine(body: string, report: (name: string, decision: Decision) => void) {
  const { settings, current, desired } = parse(body)
  const { changes, exchange, inMemory, disableInPlaceUpdates } = readSettings(settings)
  const root = ['spec']
  const decision = decide({
    role: roleOf(desired.machine),
    changes,
    inMemory,
    exchange,
    disableInPlaceUpdates,
    machine: { current: current.machine, desired: desired.machine, root },
    infrastructure: { current: current.infrastructureMachine, desired: desired.infrastructureMachine, root },
    bootstrapConfig: { current: current.bootstrapConfig, desired: desired.bootstrapConfig, root },
  })
  report(desired.machine.metadata.name, decision)
  return successResponse(hooks.canUpdateMachine.hook, '', {
    ...patchField('machinePatch', decision.operations.machine),
    ...patchField('bootstrapConfigPatch', decision.operations.bootstrapConfig),
    affectsAvailability: decision.affectsAvailability,
  })
}
