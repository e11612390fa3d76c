import { patchField, successResponse } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { CanUpdateMachineRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { readSettings } from '../contract/settings.ts'
import { type Decision, decide } from '../decide/decide.ts'

const parse = parser(CanUpdateMachineRequest)

// Answers for one control plane machine: which of the differences are made in place.
export function answerCanUpdateMachine(body: string, report: (name: string, decision: Decision) => void) {
  const { settings, current, desired } = parse(body)
  const { changes, inMemory } = readSettings(settings)
  const root = ['spec']
  const labels = desired.machine.metadata.labels ?? {}
  const decision = decide({
    role: 'cluster.x-k8s.io/control-plane' in labels ? 'control-plane' : 'worker',
    changes,
    inMemory,
    machine: { current: current.machine, desired: desired.machine, root },
    infrastructure: { current: current.infrastructureMachine, desired: desired.infrastructureMachine, root },
    bootstrapConfig: { current: current.bootstrapConfig, desired: desired.bootstrapConfig, root },
  })
  report(desired.machine.metadata.name, decision)
  return successResponse(hooks.canUpdateMachine.hook, '', {
    ...patchField('machinePatch', decision.operations.machine),
    ...patchField('bootstrapConfigPatch', decision.operations.bootstrapConfig),
  })
}
