import type { Progress } from './progress.ts'
import type { Task } from './task.ts'

/** The upgrade of one machine for one request: it runs, and reports its progress. */
export interface Upgrade {
  /** The progress, which is constant while the state is. */
  readonly progress: Progress
  /** The seconds for which a failure is reported without observing the machine again. */
  readonly restSeconds: number
  /** Resolves when the progress is based on an observation of the machine. */
  readonly firstReport: Promise<void>
  /** Replaces the task. Only its settings may differ. */
  update(task: Task): void
  /** Runs until the machine has reached the goal, a failure is reported, or the request is dropped. Never rejects. */
  toEnd(): Promise<void>
}
