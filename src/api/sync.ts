import { StartRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { taskOfStart } from '../upgrade/task.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'

const parse = parser(StartRequest)

// How far the upgrade is that start began: phase, step, message, and when to ask again.
export async function answerSync(body: string, upgrades: Upgrades) {
  const task = taskOfStart(parse(body))
  const { phase, step, message, retryAfterSeconds, error } = await upgrades.sync(task)
  const why = error ? { code: error.code, todo: error.todo } : {}
  return { machine: task.container, version: task.version, phase, step, message, retryAfterSeconds, ...why }
}
