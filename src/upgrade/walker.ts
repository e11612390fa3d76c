import type { Progress } from './progress.ts'
import type { Task } from './task.ts'

/** What brings one machine to what one request asks for, and shows how far it is. */
export interface Walker {
  /** How far it is; stays the same while the state does. */
  readonly progress: Progress
  /** After a failure: for how many seconds it stands without another look at the machine. */
  readonly restSeconds: number
  /** Resolves with the first news of the machine. */
  readonly news: Promise<void>
  /** Takes over what the request's settings are by now. The request is otherwise the same. */
  update(task: Task): void
  /** Runs until the machine is there, a person is needed, or the request is dropped; never rejects. */
  toEnd(): Promise<void>
}
