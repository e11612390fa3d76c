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
}

// Asks every so many seconds until the signal is given.
export async function gapsOf(what: string, everySeconds: number, signal: AbortSignal, ask: () => Promise<boolean>) {
  const found: Gaps = { what, asked: 0, gaps: 0, seconds: 0, longest: 0 }
  let since: number | undefined
  const close = (until: number) => {
    if (since === undefined) return
    const seconds = (until - since) / 1000
    found.gaps++
    found.seconds += seconds
    found.longest = Math.max(found.longest, seconds)
    since = undefined
  }
  while (!signal.aborted) {
    const begun = performance.now()
    found.asked++
    if (await ask()) close(performance.now())
    else since ??= begun
    await sleep(Math.max(0, everySeconds * 1000 - (performance.now() - begun)), undefined, { signal }).catch(() => {})
  }
  close(performance.now())
  return found
}

export function describeGaps({ asked, gaps, seconds, longest }: Gaps): string {
  if (gaps === 0) return `no gap in ${asked} questions`
  return `${gaps} gaps, ${seconds.toFixed(1)} s in all, the longest ${longest.toFixed(1)} s; ${asked} questions`
}
