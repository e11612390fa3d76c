import { expect, test } from 'vitest'
import { withStepFaults } from '../../src/faults/steps.ts'
import { lineOf } from '../../src/upgrade/attempt.ts'
import { MachineUpgrade } from '../../src/upgrade/machine-upgrade.ts'
import { planFor } from '../../src/upgrade/plan.ts'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { recordFile, taskOf, toolsOf } from '../upgrade/walk.ts'

// An attempt of another request that has changed the machine: any replica that is called finishes it.
function recordWith(settings: Record<string, string>): string {
  return lineOf({
    format: 1,
    revision: 1,
    identity: { cluster: 'lab', role: 'worker', cas: [], pinned: false },
    request: { key: 'other', target, settings },
    superseded: [],
    requested: { bootId: 'boot-1', uptime: 0 },
    state: 'open',
    changed: true,
    step: null,
    failure: null,
    retries: {},
    faults: {},
    events: [{ at: 1, step: '', event: 'begun', count: 1 }],
  })
}

test.each([
  { fault: 'crash-at:preflight:always' },
  { fault: 'fail-at:binaries:always' },
  { fault: 'none', addons: 'x', changes: 'y', unknown: 'z' },
  {},
])('a record in a machine that requests %j has no effect where misbehaviour is not allowed', async (settings) => {
  const lab = startWorkersLab('w-1')
  lab.machine('w-1').files.set(recordFile, `${recordWith(settings)}\n`)
  const seen: string[] = []
  const crash = () => void seen.push('died')
  const means = { allowed: false, clock: lab.clock, onFault: (name: string) => seen.push(name), crash }
  const walk = new MachineUpgrade(taskOf('w-1'), { ...toolsOf(lab), plan: withStepFaults(planFor, means) }, () => 0)
  await walk.toEnd()
  expect(walk.progress).toMatchObject({ phase: 'Done' })
  expect(seen).toEqual([])
})
