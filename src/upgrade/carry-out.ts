import type { AttemptRecord } from './attempt.ts'
import type { Session } from './session.ts'
import { type Action, type Step, unitNameOf } from './step.ts'
import type { Tools } from './tools.ts'

/** What an action of a step is carried out with. */
export interface CarryOutParts {
  step: Step
  session: Session
  tools: Pick<Tools, 'engine'>
  /** True when the machine's record already names the step. */
  isEntered: boolean
}

/**
 * Carries out an action of a step and writes the record with it; without an action, only the record. Resolves to true
 * when the action is complete, so that its effect can be observed at once. Throws the errors of `session.change`, of the
 * engine, and the error that a script reports.
 */
export async function carryOut(
  action: Action | undefined,
  record: AttemptRecord,
  { step, session, tools, isEntered }: CarryOutParts,
): Promise<boolean> {
  const alongside = (step.alongside ?? []).map(unitNameOf)
  switch (action?.kind) {
    case undefined:
      await session.change(record, { kind: 'note' })
      return false
    case 'unit': {
      const { limitSeconds } = step
      await session.change(record, { ...action, kind: 'start', unit: unitNameOf(step), limitSeconds, alongside })
      return false
    }
    case 'run': {
      const { script, args, input } = action
      const withInput = input === undefined ? {} : { input }
      const output = await session.change(record, { kind: 'run', script, args, alongside, ...withInput })
      const error = action.read?.(output)
      if (error) throw error
      return true
    }
    case 'helper':
      if (!isEntered) await session.change(record, { kind: 'note' })
      await tools.engine.helper({
        name: `capd-kubeadm-upgrader-${action.takes}-${session.located.machine.name}`,
        image: action.image,
        argv: action.argv,
        volumes: { [action.volume]: '/machine' },
      })
      return true
    case 'pull':
      if (!isEntered) await session.change(record, { kind: 'note' })
      session.awaitPull(action.image)
      return false
    case 'note':
      await session.change(action.record(record), { kind: 'note' })
      await action.after()
      return false
  }
}
