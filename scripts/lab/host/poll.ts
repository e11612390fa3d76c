import { setTimeout as sleep } from 'node:timers/promises'
import { checkInterrupted } from '../../host/run.ts'
import { UserError } from '../../host/user-error.ts'

// Asks until the answer is yes, at most so many seconds.
export async function poll(what: string, seconds: number, holds: () => Promise<unknown>, next?: string) {
  for (const limit = Date.now() + seconds * 1000; !(await holds()); await sleep(500)) {
    checkInterrupted()
    if (Date.now() > limit) throw new UserError(`${what}: not so after ${seconds} s.`, next)
  }
}
