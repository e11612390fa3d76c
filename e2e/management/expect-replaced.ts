import { wrongWith } from './machine-problems.ts'
import { type CapiMachine, snapshots } from './machines.ts'
import type { ScenarioRun } from './scenario.ts'

/**
 * Expects that a cluster's machines are all new and at the version, and that the updater ran nothing in them: `execs` is the
 * result of `watchExecs`.
 */
export async function expectReplaced(
  { expect }: Pick<ScenarioRun, 'expect'>,
  old: CapiMachine[],
  now: CapiMachine[],
  { execs, version }: { execs: string[]; version: string },
): Promise<void> {
  for (const line of execs) expect(false, `the updater ran a command in a machine: ${line}`)
  const kept = now.filter(({ metadata }) => old.some((was) => was.metadata.uid === metadata.uid))
  expect(kept.length === 0, `not replaced: ${kept.map(({ metadata }) => metadata.name).join(', ')}`)
  // New machines are compared with themselves: only their versions matter.
  for (const problem of await wrongWith(now, await snapshots(now), version)) expect(false, problem)
}
