import { StartRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { taskOfStart } from '../upgrade/task.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'

const parse = parser(StartRequest)

/**
 * Answers start: starts the upgrade of one machine and returns at once. Further calls change nothing. Throws the errors
 * of `taskOfStart`, and TOO_MANY_UPGRADES.
 */
export function answerStart(body: string, upgrades: Upgrades) {
  const task = taskOfStart(parse(body))
  upgrades.start(task)
  return { machine: task.container, version: task.version }
}
