import type { UpgradeError } from '../errors/upgrade-error.ts'
import { clearUnit, startUnit, type UnitResult, unitLog, unitResult } from '../machine/unit.ts'
import { type Context, type Step, workDirectory } from './step.ts'

export interface Ended extends UnitResult {
  unit: string
  log: string
}

interface UnitStep extends Step {
  // The shell file that the unit runs, beside the step's own file, and its arguments.
  script: URL
  args(context: Context): string[] | Promise<string[]>
  // What it means that the unit failed.
  explain(ended: Ended): UpgradeError
}

// The unit of a step: one name, so that it runs once however many processes ask for it.
export function unitName(step: string, target: string): string {
  return `capd-kubeadm-upgrader-${step}-${target}`
}

// A step whose work is one shell file, run by the machine's systemd.
export function unitStep(step: Omit<UnitStep, 'apply'>): Step {
  const { script, args, explain, ...rest } = step
  return {
    // Where the step has nothing better to do: forget the unit, so that the next attempt can start it.
    giveUp: async ({ machine, target }) => clearUnit(machine, unitName(step.name, target)),
    ...rest,
    async apply(context) {
      const { machine, target } = context
      const unit = unitName(step.name, target)
      const found = await unitResult(machine, unit)
      if (found.state === 'failed') {
        const log = await unitLog(machine, unit)
        await clearUnit(machine, unit)
        throw explain({ ...found, unit, log })
      }
      // One that succeeded just now is seen by the next look; whoever undoes a unit's effect clears the unit.
      if (found.state !== 'none') return
      const given = await args(context)
      const path = await machine.install(script, `${workDirectory(target)}/${step.name}.sh`)
      await startUnit(machine, unit, ['sh', path, ...given], step.limitSeconds)
    },
  }
}
