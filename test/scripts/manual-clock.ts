import type { RetryClock } from '../../scripts/host/retry.ts'

/** A clock that only sleeping advances. A probe may advance it too. */
export function manualClock(): RetryClock & { seconds: number } {
  const clock = {
    seconds: 0,
    now: () => clock.seconds * 1000,
    sleep: async (milliseconds: number) => {
      clock.seconds += milliseconds / 1000
    },
  }
  return clock
}
