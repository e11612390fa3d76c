import Type from 'typebox'
import { success } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { parser } from '../contract/parse.ts'
import { readSettings } from '../contract/settings.ts'
import { UpgradeError } from '../errors.ts'
import type { Handlers } from '../hooks/handlers.ts'

const parse = parser(Type.Object({ settings: Type.Optional(Type.Record(Type.String(), Type.String())) }))

// Misbehaviour for tests, asked for by the setting "fault" of a call. It wraps the handlers from outside: the
// rest of src/ is complete without it. Unless allowed at start, a call that asks for it is refused.
export function withFaults(handlers: Handlers, allowed: boolean): Handlers {
  const faultOf = (body: string) => {
    const { fault } = readSettings(parse(body).settings)
    if (fault !== 'none' && !allowed) throw new UpgradeError('FAULTS_NOT_ALLOWED')
    return fault
  }
  return {
    canUpdateMachine(body) {
      faultOf(body)
      return handlers.canUpdateMachine(body)
    },
    canUpdateMachineSet(body) {
      faultOf(body)
      return handlers.canUpdateMachineSet(body)
    },
    updateMachine(body) {
      if (faultOf(body) === 'none') return handlers.updateMachine(body)
      const message = 'fault done-too-early: nothing was done to the machine'
      return success(hooks.updateMachine.hook, message, { retryAfterSeconds: 0 })
    },
  }
}
