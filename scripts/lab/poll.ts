import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from './lab-error.ts'
import { checkInterrupted } from './run.ts'

// Asks until the answer is yes, at most so many seconds.
export async function poll(what: string, seconds: number, holds: () => Promise<unknown>, next?: string) {
  for (const limit = Date.now() + seconds * 1000; !(await holds()); await sleep(500)) {
    checkInterrupted()
    if (Date.now() > limit) throw new LabError(`${what}: not so after ${seconds} s.`, next)
  }
}
