import type { Step } from './step.ts'

// The shortest pause between two looks, in seconds.
const shortestSeconds = 0.5
// A step that is looked at less often waits for other machines.
const mostSecondsOfWork = 2
// A step that takes long is looked at less often: a pause is this part of the time that it has taken so far.
const partOfAge = 5

/**
 * Seconds until a step that has been under way for so many seconds is looked at again: its own `lookSeconds`, and less in the
 * first seconds of a step that works on the machine itself, since most of them take less than that.
 */
export function pauseAfterLook({ lookSeconds }: Pick<Step, 'lookSeconds'>, waitedSeconds: number): number {
  if (lookSeconds > mostSecondsOfWork) return lookSeconds
  return Math.min(lookSeconds, Math.max(shortestSeconds, waitedSeconds / partOfAge))
}
