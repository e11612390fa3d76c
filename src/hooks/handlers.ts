import type { Logger } from 'pino'
import type { HookResponse } from '../contract/answers.ts'
import type { Decision } from '../decide/decide.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'
import { answerCanUpdateMachine } from './can-update-machine.ts'
import { answerCanUpdateMachineSet } from './can-update-machine-set.ts'
import { answerDiscovery } from './discovery.ts'
import { answerUpdateMachine } from './update-machine.ts'

/** Maps the text of a request to a response. An error becomes a response with the status Failure. */
type Handler<Reply> = (body: string) => Reply | Promise<Reply>

/** The handlers of all hooks. `Reply` is the type that they return. */
export interface Handlers<Reply = HookResponse> {
  discovery: Handler<Reply>
  canUpdateMachine: Handler<Reply>
  canUpdateMachineSet: Handler<Reply>
  updateMachine: Handler<Reply>
}

/** Creates the handlers of all hooks. They log every decision. */
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
