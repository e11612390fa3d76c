import { randomUUID } from 'node:crypto'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { readHistory, record } from '../upgrade/history.ts'
import { type Context, type Plan, type Step, waiting } from '../upgrade/step.ts'
import { type Asked, readFault } from './asked.ts'

interface Means {
  // Told the name of a misbehaviour each time it happens.
  onFault: (name: string) => void
  crash?: () => Promise<void> | void
}

// Puts the misbehaviour of steps into a plan. Whether it is allowed was looked at when the upgrade was begun.
export function withStepFaults(plan: Plan, means: Means): Plan {
  return (context) => {
    const asked = readFault('fault', context.settings.fault, true)
    return plan(context).map((step) => (asked?.given.step === step.name ? faulty(step, asked, means) : step))
  }
}

// The step is not done before it has misbehaved as often as it is asked to. The machine remembers how often that
// was: so a restart changes nothing, and of two processes that come to it at once one goes on.
function faulty(step: Step, { name, text, given }: Asked, { onFault, crash = die }: Means): Step {
  const times = given.times === 'always' ? Number.POSITIVE_INFINITY : Number(given.times)
  const claim = { step: step.name, event: 'retry', code: 'MISBEHAVIOUR' } as const
  const claims = async ({ machine, key }: Context) =>
    (await readHistory(machine, key)).filter(
      ({ step, event, values }) => step === claim.step && event === claim.event && values?.fault === name,
    )
  return {
    ...step,
    async done(context) {
      return (await claims(context)).length < times ? waiting(`misbehaviour ${text}`) : step.done(context)
    },
    async apply(context) {
      if ((await claims(context)).length >= times) return step.apply?.(context)
      const { machine, key, clock } = context
      const id = randomUUID()
      await record(machine, { ...claim, at: clock.now(), target: key, values: { fault: name, id } })
      if ((await claims(context)).findIndex(({ values }) => values?.id === id) >= times) return
      onFault(name)
      // The log has a moment to be written.
      if (name === 'crash-at') await clock.sleep(0.2).then(crash)
      throw new UpgradeError('MISBEHAVIOUR', { name: text })
    },
  }
}

// As kill -9 does it. The first process of a container cannot be killed from inside, so that one exits.
function die(): void {
  process.kill(process.pid, 'SIGKILL')
  process.exit(137)
}
