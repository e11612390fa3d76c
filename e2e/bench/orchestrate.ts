import type { Run, Way } from '../../scripts/docs/performance/results.ts'
import { ways } from '../../scripts/docs/performance/results.ts'
import type { Kept, Key } from './finished-runs.ts'

/** What one run measures, besides what tells it from others. */
export type Measurement = Omit<Run, keyof Key | 'at'>

/** Makes one run of a way. Throws where the upgrade is not as it should be: then it is not kept. */
export type Measure = (run: Pick<Key, 'number' | 'busy'>) => Promise<Measurement>

export interface Bench {
  ways: readonly Way[]
  /** How many runs of each way. */
  runs: number
  busy: boolean
  /** What all runs have in common. */
  setting: Pick<Key, 'from' | 'to' | 'clusterApi' | 'cores'>
}

/** Runs of a bench, alternating between the ways. */
function planned({ ways: asked, runs, busy, setting }: Bench): Key[] {
  return Array.from({ length: runs }, (_, i) => i + 1).flatMap((number) =>
    asked.map((way) => ({ way, number, busy, ...setting })),
  )
}

/**
 * Makes every run that is not finished yet and keeps each at once. One that fails is reported, and the next one is made. Gives
 * how many have failed.
 */
export async function orchestrate(
  bench: Bench,
  kept: Kept,
  measures: Readonly<Record<Way, Measure>>,
  say: (line: string) => void,
): Promise<number> {
  let failed = 0
  const all = planned(bench)
  for (const [i, key] of all.entries()) {
    const title = `run ${i + 1} of ${all.length}: ${ways[key.way]}, no. ${key.number}${key.busy ? ', busy' : ''}`
    if (kept.has(key)) {
      say(`${title}: finished before`)
      continue
    }
    say(`${title}: begins`)
    const begun = performance.now()
    try {
      const measured = await measures[key.way](key)
      await kept.add({ ...key, at: new Date().toISOString(), ...measured })
      say(`${title}: finished, ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    } catch (thrown) {
      failed++
      say(`${title}: FAILED, and is not kept: ${(thrown as Error).message}`)
    }
  }
  return failed
}
