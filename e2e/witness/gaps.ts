import { setTimeout as sleep } from 'node:timers/promises'
import type { Answers } from '../../scripts/docs/performance/results.ts'

interface Asking {
  what: string
  everySeconds: number
  signal: AbortSignal
  // Seconds by the clock of the timeline.
  elapsed: () => number
}

// Asks every so many seconds until the signal is given.
export async function gapsOf({ what, everySeconds, signal, elapsed }: Asking, ask: () => Promise<boolean>) {
  const found: Answers = { what, asked: 0, gaps: 0, seconds: 0, longest: 0, gone: 0, away: [] }
  let since: number | undefined
  const close = () => {
    if (since === undefined) return
    const now = elapsed()
    found.gaps++
    found.seconds += now - since
    found.longest = Math.max(found.longest, now - since)
    found.away.push([since, now])
    since = undefined
  }
  while (!signal.aborted) {
    const begun = elapsed()
    found.asked++
    if (await ask()) close()
    else since ??= begun
    await sleep(Math.max(0, (everySeconds - (elapsed() - begun)) * 1000), undefined, { signal }).catch(() => {})
  }
  if (since !== undefined) {
    found.gone = elapsed() - since
    found.away.push([since, elapsed()])
  }
  return found
}

export function describeGaps({ asked, gaps, seconds, longest, gone }: Answers): string {
  const some = `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}, ${seconds.toFixed(1)} s in all, the longest ${longest.toFixed(1)} s`
  const end = gone > 0 ? `; no answer any more for the last ${gone.toFixed(0)} s` : ''
  return `${gaps > 0 ? some : 'no gap'}${end}; ${asked} questions`
}
