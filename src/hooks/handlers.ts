import type { Logger } from 'pino'
import type { Answer } from '../contract/answers.ts'
import type { Decision } from '../decide/decide.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'
import { answerCanUpdateMachine } from './can-update-machine.ts'
import { answerCanUpdateMachineSet } from './can-update-machine-set.ts'
import { answerDiscovery } from './discovery.ts'
import { answerUpdateMachine } from './update-machine.ts'

// From a request's text to the answer; what is thrown becomes a Failure.
type Handler<Given> = (body: string) => Given | Promise<Given>

export interface Handlers<Given = Answer> {
  discovery: Handler<Given>
  canUpdateMachine: Handler<Given>
  canUpdateMachineSet: Handler<Given>
  updateMachine: Handler<Given>
}

export function createHandlers(upgrades: Upgrades, log: Logger): Handlers {
  const report = (name: string, { accepted, declined }: Decision) =>
    log.info({ name, accepted, declined: declined.map(({ message }) => message) }, 'decided')
  return {
    discovery: answerDiscovery,
    canUpdateMachine: (body) => answerCanUpdateMachine(body, report),
    canUpdateMachineSet: (body) => answerCanUpdateMachineSet(body, report),
    updateMachine: (body) => answerUpdateMachine(body, upgrades),
  }
}
