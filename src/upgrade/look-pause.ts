import type { Step } from './step.ts'

// The shortest pause between two observations.
const shortestSeconds = 0.5
// Steps with a longer interval wait for other machines.
const mostSecondsOfWork = 2
// The pause is this fraction of the time for which the step has been running.
const partOfAge = 5

/**
 * The seconds until the next observation of a step that has been running for `waitedSeconds`. It is the step's
 * `lookSeconds`, or less in the first seconds of a step that works on the machine itself: most of these steps are
 * short.
 */
export function pauseAfterLook({ lookSeconds }: Pick<Step, 'lookSeconds'>, waitedSeconds: number): number {
  if (lookSeconds > mostSecondsOfWork) return lookSeconds
  return Math.min(lookSeconds, Math.max(shortestSeconds, waitedSeconds / partOfAge))
}
