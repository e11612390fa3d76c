import { wrongWith } from './machine-problems.ts'
import { type Machine, snapshots } from './machines.ts'
import type { Play } from './scenario.ts'

// A cluster's machines are all new and well, and the updater has worked in none: `execs` is what `watchExecs` gave.
export async function expectReplaced(
  { expect }: Pick<Play, 'expect'>,
  old: Machine[],
  now: Machine[],
  { execs, version }: { execs: string[]; version: string },
): Promise<void> {
  for (const line of execs) expect(false, `the updater worked in a machine: ${line}`)
  const kept = now.filter(({ metadata }) => old.some((was) => was.metadata.uid === metadata.uid))
  expect(kept.length === 0, `not replaced: ${kept.map(({ metadata }) => metadata.name).join(', ')}`)
  // Compared with themselves: only what they run counts.
  for (const problem of await wrongWith(now, await snapshots(now), version)) expect(false, problem)
}
