import { UpgradeError } from '../errors/upgrade-error.ts'
import type { AttemptRecord } from '../upgrade/attempt.ts'
import type { Clock } from '../upgrade/clock.ts'
import { type Action, type Plan, type Situation, type Step, waiting } from '../upgrade/step.ts'
import { type RequestedFault, readFault } from './requested.ts'

interface StepFaultOptions {
  /** True when calls may request faults. */
  allowed: boolean
  clock: Clock
  /** Called with the name of each injected fault. */
  onFault: (name: string) => void
  /** Ends the process; replaced in tests. */
  crash?: () => Promise<void> | void
}

/**
 * Adds the faults of steps to a plan if faults are allowed. The check here is needed although requests are checked too:
 * the settings of an open attempt come from the record in the machine, which anyone with root in the machine can write.
 * The setting is read at each observation, so a fault ends when it is no longer requested.
 */
export function withStepFaults(plan: Plan, options: StepFaultOptions): Plan {
  return options.allowed ? (of) => plan(of).map((step) => withFault(step, options)) : plan
}

// The step is not done before the fault has happened as often as requested. The record in the machine has the count, so
// that it survives a restart of the service and two replicas share it.
function withFault(step: Step, options: StepFaultOptions): Step {
  const faultOf = ({ settings, record }: Situation): RequestedFault | undefined => {
    const requested = readFault('fault', settings.fault, true)
    if (requested?.args.step !== step.name) return undefined
    const times = requested.args.times === 'always' ? Number.POSITIVE_INFINITY : Number(requested.args.times)
    return (record?.faults[counterOf(requested)] ?? 0) < times ? requested : undefined
  }
  return {
    ...step,
    done(situation) {
      const fault = faultOf(situation)
      return fault ? waiting(`misbehaviour ${fault.text}`) : step.done(situation)
    },
    action(situation) {
      const fault = faultOf(situation)
      return fault ? inject(fault, options) : step.action?.(situation)
    },
  }
}

function inject(requested: RequestedFault, { clock, onFault, crash = killProcess }: StepFaultOptions): Action {
  const { name, text } = requested
  const key = counterOf(requested)
  const counted = (record: AttemptRecord) => ({
    ...record,
    faults: { ...record.faults, [key]: (record.faults[key] ?? 0) + 1 },
  })
  return {
    kind: 'note',
    record: counted,
    async after() {
      onFault(name)
      if (name === 'crash-at') {
        // Gives the log a moment to be written.
        await clock.sleep(0.2)
        await crash()
      }
      throw new UpgradeError('MISBEHAVIOUR', { name: text })
    },
  }
}

// The key of the record's counter for this fault in this step.
function counterOf({ name, args }: RequestedFault): string {
  return `${name}:${args.step}`
}

// SIGKILL does not end the first process of a container from inside, so exit follows.
function killProcess(): void {
  process.kill(process.pid, 'SIGKILL')
  process.exit(137)
}
