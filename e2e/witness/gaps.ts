import { setTimeout as sleep } from 'node:timers/promises'
import type { Answers } from '../../scripts/docs/performance/results.ts'

/** Counts the gaps in the answers to one probe. All times are seconds of one clock. */
export interface GapCounter {
  /**
   * Adds a probe. A gap begins when its first failed probe began, and ends when the next successful probe ended.
   */
  add(probe: { begin: number; end: number; answered: boolean }): void
  /** Returns the result at `now`. Failed probes at the end are no gap: what they probe may be gone on purpose. */
  result(now: number): Answers
}

/** Starts to count gaps; `what` names the probe in the result. */
export function countGaps(what: string): GapCounter {
  const closed: [from: number, to: number][] = []
  let probes = 0
  let failingSince: number | undefined
  return {
    add({ begin, end, answered }) {
      probes++
      if (!answered) failingSince ??= begin
      else if (failingSince !== undefined) {
        closed.push([failingSince, end])
        failingSince = undefined
      }
    },
    result(now) {
      const lengths = closed.map(([from, to]) => to - from)
      const open: [number, number][] = failingSince === undefined ? [] : [[failingSince, now]]
      return {
        what,
        probes,
        gaps: closed.length,
        seconds: lengths.reduce((sum, length) => sum + length, 0),
        longest: Math.max(0, ...lengths),
        gone: failingSince === undefined ? 0 : now - failingSince,
        away: [...closed, ...open],
      }
    },
  }
}

/** A probe that is repeated. */
export interface Probe {
  what: string
  /** From the start of one probe to the start of the next. */
  everySeconds: number
  /** Resolves to whether there was an answer. */
  probe: () => Promise<boolean>
}

/** Repeats a probe until the signal is aborted, and returns its gaps in seconds of the clock `elapsed`. */
export async function gapsOf(
  { what, everySeconds, probe }: Probe,
  signal: AbortSignal,
  elapsed: () => number,
): Promise<Answers> {
  const counter = countGaps(what)
  // No retry: it repeats at a fixed rate, after success and failure alike.
  while (!signal.aborted) {
    const begin = elapsed()
    const answered = await probe()
    counter.add({ begin, end: elapsed(), answered })
    await sleep(Math.max(0, (everySeconds - (elapsed() - begin)) * 1000), undefined, { signal }).catch(() => {})
  }
  return counter.result(elapsed())
}

/** Describes gaps in one line. */
export function describeGaps({ probes, gaps, seconds, longest, gone }: Answers): string {
  const some = `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}, ${seconds.toFixed(1)} s in total, longest ${longest.toFixed(1)} s`
  const end = gone > 0 ? `; no answer during the last ${gone.toFixed(0)} s` : ''
  return `${gaps > 0 ? some : 'no gap'}${end}; ${probes} probes`
}
