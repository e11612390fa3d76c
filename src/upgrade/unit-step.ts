import { UpgradeError } from '../errors/upgrade-error.ts'
import { namesFullDisk } from '../machine/disk-full.ts'
import type { Machine } from '../machine/machine.ts'
import { clearUnit, forgetFailure, startUnit, type UnitResult, unitLog, unitResult } from '../machine/unit.ts'
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

/**
 * The unit of a step. It has one name in a machine, whatever the version, so that systemd runs one at a time however
 * many processes start it; the version is in its description.
 */
export function unitName(step: string): string {
  return `capd-kubeadm-upgrader-${step}`
}

const describes = ' to '

function unitOf(step: string, target: string) {
  const unit = unitName(step)
  return { unit, description: `${unit}${describes}${target}` }
}

// A step whose work is one shell file, run by the machine's systemd.
export function unitStep(step: Omit<UnitStep, 'apply'>): Step {
  const { script, args, explain, ...rest } = step
  return {
    // Where the step has nothing better to do: forget the unit, so that the next attempt can start it.
    giveUp: async ({ machine }) => clearUnit(machine, unitName(step.name)),
    async forget({ machine, target }) {
      const { unit, description } = unitOf(step.name, target)
      const found = await unitResult(machine, unit)
      if (found.state === 'failed' && found.description === description) await forgetFailure(machine, unit)
    },
    ...rest,
    async apply(context) {
      const { machine, target } = context
      const { unit, description } = unitOf(step.name, target)
      await clearOther(machine, unit, description)
      const found = await unitResult(machine, unit)
      // It is forgotten once the failure is noted: until then nobody can start it again.
      if (found.state === 'failed') {
        const log = await unitLog(machine, unit)
        throw namesFullDisk(log) ? new UpgradeError('DISK_FULL', {}, { detail: log }) : explain({ ...found, unit, log })
      }
      // One that succeeded just now is seen by the next look; whoever undoes a unit's effect clears the unit.
      if (found.state !== 'none') return
      const given = await args(context)
      const path = await machine.install(script, `${workDirectory(target)}/${step.name}.sh`)
      await context.confirm?.()
      await startUnit(machine, { unit, description }, ['sh', path, ...given], step.limitSeconds)
    },
  }
}

// Forgets the unit where an attempt at another version has left it. One that runs is waited for.
async function clearOther(machine: Machine, unit: string, description: string): Promise<void> {
  const found = await unitResult(machine, unit)
  if (found.state === 'none' || found.description === description) return
  if (found.state === 'running') {
    const version = found.description.split(describes)[1] ?? 'another version'
    throw new UpgradeError('OTHER_UPGRADE', { machine: machine.name, version })
  }
  await clearUnit(machine, unit)
}
