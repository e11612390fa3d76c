import { successResponse } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { UpdateMachineRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { coded } from '../errors/upgrade-error.ts'
import { taskOfMachine } from '../upgrade/task.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'

const parse = parser(UpdateMachineRequest)
// When to ask again while another upgrade of the machine has not ended.
const busySeconds = 10

// Start plus sync: begins the update or tells how far it is. A Success with retryAfterSeconds 0 means done to
// CAPI, and so does a negative one; an error is a Failure, which CAPI retries for ever.
export async function answerUpdateMachine(body: string, upgrades: Upgrades) {
  const task = taskOfMachine(parse(body))
  try {
    upgrades.start(task)
  } catch (thrown) {
    const error = coded(thrown)
    if (error.answer !== 'progress') throw error
    return successResponse(hooks.updateMachine.hook, error.message, { retryAfterSeconds: busySeconds })
  }
  const { phase, message, retryAfterSeconds, error } = await upgrades.sync(task)
  if (error) throw error
  const retry = phase === 'Done' ? 0 : Math.max(1, retryAfterSeconds)
  return successResponse(hooks.updateMachine.hook, message, { retryAfterSeconds: retry })
}
