import type { Run, Way } from '../../scripts/docs/performance/results.ts'
import { ways } from '../../scripts/docs/performance/results.ts'
import type { FinishedRuns, RunKey } from './finished-runs.ts'

/** What one run measures. */
export type Measurement = Omit<Run, keyof RunKey | 'at'>

/** Runs and measures a way once. Throws when the upgrade fails; that run is not kept. */
export type Measure = (run: Pick<RunKey, 'number' | 'busy'>) => Promise<Measurement>

/** Which runs to make. */
export interface Bench {
  ways: readonly Way[]
  /** How many runs of each way. */
  runs: number
  busy: boolean
  /** What all runs share. */
  setting: Pick<RunKey, 'from' | 'to' | 'clusterApi' | 'cores'>
}

// The runs of a bench, alternating between the ways.
function planned({ ways: chosen, runs, busy, setting }: Bench): RunKey[] {
  return Array.from({ length: runs }, (_, i) => i + 1).flatMap((number) =>
    chosen.map((way) => ({ way, number, busy, ...setting })),
  )
}

/**
 * Makes every run that is not finished yet, and keeps each when it ends. A run that fails is reported, and the next one is made.
 * Returns how many failed.
 */
export async function orchestrate(
  bench: Bench,
  finished: FinishedRuns,
  measures: Readonly<Record<Way, Measure>>,
  log: (line: string) => void,
): Promise<number> {
  let failed = 0
  const all = planned(bench)
  for (const [i, key] of all.entries()) {
    const title = `run ${i + 1} of ${all.length}: ${ways[key.way]}, no. ${key.number}${key.busy ? ', busy' : ''}`
    if (finished.has(key)) {
      log(`${title}: finished before`)
      continue
    }
    log(`${title}: started`)
    const begun = performance.now()
    try {
      const measured = await measures[key.way](key)
      await finished.add({ ...key, at: new Date().toISOString(), ...measured })
      log(`${title}: finished, ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    } catch (thrown) {
      failed++
      log(`${title}: FAILED, not kept: ${(thrown as Error).message}`)
    }
  }
  return failed
}
