import { success } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { UpdateMachineRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { taskOfMachine } from '../upgrade/task.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'

const parse = parser(UpdateMachineRequest)

// Start plus sync: begins the update or tells how far it is. A Success with retryAfterSeconds 0 means done to
// CAPI, and so does a negative one; an error is a Failure, which CAPI retries for ever.
export async function answerUpdateMachine(body: string, upgrades: Upgrades) {
  const task = taskOfMachine(parse(body))
  upgrades.start(task)
  const { phase, message, retryAfterSeconds, error } = await upgrades.sync(task)
  if (error) throw error
  const retry = phase === 'Done' ? 0 : Math.max(1, retryAfterSeconds)
  return success(hooks.updateMachine.hook, message, { retryAfterSeconds: retry })
}
