import { successResponse } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { UpdateMachineRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { coded } from '../errors/upgrade-error.ts'
import { taskOfMachine } from '../upgrade/task.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'

const parse = parser(UpdateMachineRequest)
// When Cluster API calls again while another upgrade of the machine is running.
const busySeconds = 10

/**
 * Answers UpdateMachine: starts the update if needed, and reports its progress. Cluster API takes retryAfterSeconds of
 * 0 or less for a finished update, so it is at least 1 while the update is running. Throws the errors of
 * `taskOfMachine`, and the error of a failed update, which Cluster API retries indefinitely.
 */
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
