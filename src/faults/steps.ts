import { randomUUID } from 'node:crypto'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { readHistory, record } from '../upgrade/history.ts'
import { type Context, type Plan, type Step, waiting } from '../upgrade/step.ts'
import { type RequestedFault, readFault } from './requested.ts'

interface StepFaultOptions {
  /** Called with the name of a fault each time it happens. */
  onFault: (name: string) => void
  crash?: () => Promise<void> | void
}

/** Injects the faults of steps into a plan. Whether they are allowed was checked when the upgrade began. */
export function withStepFaults(plan: Plan, options: StepFaultOptions): Plan {
  return (context) => {
    const requested = readFault('fault', context.settings.fault, true)
    const isFaulty = ({ name }: Step) => requested?.args.step === name
    return plan(context).map((step) => (requested && isFaulty(step) ? faulty(step, requested, options) : step))
  }
}

/** The step, which is not done before the fault has happened as often as requested. */
function faulty(step: Step, requested: RequestedFault, { onFault, crash = die }: StepFaultOptions): Step {
  const { name, text } = requested
  const turns = turnsOf(step, requested)
  return {
    ...step,
    async done(context) {
      return (await turns.areLeft(context)) ? waiting(`misbehaviour ${text}`) : step.done(context)
    },
    async apply(context) {
      if (!(await turns.areLeft(context))) return step.apply?.(context)
      if (!(await turns.take(context))) return
      onFault(name)
      // The log has a moment to be written.
      if (name === 'crash-at') await context.clock.sleep(0.2).then(crash)
      throw new UpgradeError('MISBEHAVIOUR', { name: text })
    },
  }
}

/**
 * The turns of a fault at a step. The machine's history counts them: a restart of the service changes nothing, and of
 * two processes that take the last turn at once one gets it.
 */
function turnsOf({ name: step }: Step, { name: fault, args }: RequestedFault) {
  const most = args.times === 'always' ? Number.POSITIVE_INFINITY : Number(args.times)
  const taken = async ({ machine, key }: Context) => {
    const history = await readHistory(machine, key)
    return history.filter((event) => event.step === step && event.event === 'retry' && event.values?.fault === fault)
  }
  return {
    async areLeft(context: Context): Promise<boolean> {
      return (await taken(context)).length < most
    },
    /** Whether this process gets the next turn. */
    async take(context: Context): Promise<boolean> {
      const { machine, key, clock } = context
      const id = randomUUID()
      const values = { fault, id }
      await record(machine, { at: clock.now(), target: key, step, event: 'retry', code: 'MISBEHAVIOUR', values })
      const place = (await taken(context)).findIndex((event) => event.values?.id === id)
      return place < most
    },
  }
}

// As kill -9 does it. The first process of a container cannot be killed from inside, so that one exits.
function die(): void {
  process.kill(process.pid, 'SIGKILL')
  process.exit(137)
}
