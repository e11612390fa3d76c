import { setTimeout as sleep } from 'node:timers/promises'

// What was not answered, of one thing that is asked all the time.
export interface Gaps {
  what: string
  asked: number
  // How many times it stopped answering, for how long in all and at most, in seconds from the first question without an
  // answer to the next one with.
  gaps: number
  seconds: number
  longest: number
  // For how many seconds before the end there was no answer any more: a machine that was replaced has gone for good.
  // Counted in none of the above.
  gone: number
  // From when to when each gap lasted, and the last entry what is gone, by the clock of the timeline.
  away: [from: number, to: number][]
}

interface Asking {
  what: string
  everySeconds: number
  signal: AbortSignal
  // Seconds by the clock of the timeline.
  elapsed: () => number
}

// Asks every so many seconds until the signal is given.
export async function gapsOf({ what, everySeconds, signal, elapsed }: Asking, ask: () => Promise<boolean>) {
  const found: Gaps = { what, asked: 0, gaps: 0, seconds: 0, longest: 0, gone: 0, away: [] }
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

export function describeGaps({ asked, gaps, seconds, longest, gone }: Gaps): string {
  const some = `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}, ${seconds.toFixed(1)} s in all, the longest ${longest.toFixed(1)} s`
  const end = gone > 0 ? `; no answer any more for the last ${gone.toFixed(0)} s` : ''
  return `${gaps > 0 ? some : 'no gap'}${end}; ${asked} questions`
}
