import { setTimeout as wait } from 'node:timers/promises'

// Time as the upgrade sees it; tests put their own in its place.
export interface Clock {
  // Milliseconds since 1970.
  now(): number
  sleep(seconds: number): Promise<void>
}

// Sleeps reject as soon as the signal is given, which ends whatever waits on them.
export function systemClock(stop: AbortSignal): Clock {
  return {
    now: () => Date.now(),
    sleep: (seconds) => wait(seconds * 1000, undefined, { signal: stop }),
  }
}
