import { StartRequest } from '../contract/objects.ts'
import { parser } from '../contract/parse.ts'
import { taskOfStart } from '../upgrade/task.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'

const parse = parser(StartRequest)

// Begins the upgrade of one machine and answers at once; calling it again changes nothing.
export function answerStart(body: string, upgrades: Upgrades) {
  const task = taskOfStart(parse(body))
  upgrades.start(task)
  return { machine: task.container, version: task.version }
}
