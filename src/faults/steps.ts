import { UpgradeError } from '../errors/upgrade-error.ts'
import type { AttemptRecord } from '../upgrade/attempt.ts'
import type { Clock } from '../upgrade/clock.ts'
import { type Action, type Plan, type Situation, type Step, waiting } from '../upgrade/step.ts'
import { type RequestedFault, readFault } from './requested.ts'

interface Means {
  /** Whether calls may request faults. What a machine's record requests is not trusted. */
  allowed: boolean
  clock: Clock
  // Told the name of a misbehaviour each time it happens.
  onFault: (name: string) => void
  crash?: () => Promise<void> | void
}

/**
 * Puts the misbehaviour of steps into a plan where it is allowed. A request is checked when it comes; but the settings of
 * an attempt to be finished are in the machine's record, which anyone with root in the machine can write. The setting is
 * read at each look, so a misbehaviour that is not requested any more ends.
 */
export function withStepFaults(plan: Plan, means: Means): Plan {
  return means.allowed ? (of) => plan(of).map((step) => withFault(step, means)) : plan
}

// The step is not done before it has misbehaved as often as requested. The record in the machine counts: a restart
// changes nothing, and of two processes that come to it at the same time one goes on.
function withFault(step: Step, means: Means): Step {
  const faultOf = ({ settings, record }: Situation): RequestedFault | undefined => {
    const asked = readFault('fault', settings.fault, true)
    if (asked?.args.step !== step.name) return undefined
    const times = asked.args.times === 'always' ? Number.POSITIVE_INFINITY : Number(asked.args.times)
    return (record?.faults[countedAs(asked)] ?? 0) < times ? asked : undefined
  }
  return {
    ...step,
    done(situation) {
      const fault = faultOf(situation)
      return fault ? waiting(`misbehaviour ${fault.text}`) : step.done(situation)
    },
    action(situation) {
      const fault = faultOf(situation)
      return fault ? misbehave(fault, means) : step.action?.(situation)
    },
  }
}

function misbehave(asked: RequestedFault, { clock, onFault, crash = die }: Means): Action {
  const { name, text } = asked
  const key = countedAs(asked)
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
        // The log has a moment to be written.
        await clock.sleep(0.2)
        await crash()
      }
      throw new UpgradeError('MISBEHAVIOUR', { name: text })
    },
  }
}

// Each misbehaviour of each step is counted on its own.
function countedAs({ name, args }: RequestedFault): string {
  return `${name}:${args.step}`
}

// As kill -9 does it. The first process of a container cannot be killed from inside, so that one exits.
function die(): void {
  process.kill(process.pid, 'SIGKILL')
  process.exit(137)
}
