import { StartRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { taskOfStart } from '../upgrade/task.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'

const parse = parser(StartRequest)

/**
 * Answers sync: the phase, step and message of a started upgrade, and when to call again. Throws the errors of
 * `taskOfStart`, and NOT_STARTED.
 */
export async function answerSync(body: string, upgrades: Upgrades) {
  const task = taskOfStart(parse(body))
  const { phase, step, message, retryAfterSeconds, error } = await upgrades.sync(task)
  const why = error ? { code: error.code, todo: error.todo } : {}
  return { machine: task.container, version: task.version, phase, step, message, retryAfterSeconds, ...why }
}
