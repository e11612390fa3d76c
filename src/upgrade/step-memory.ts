import type { UpgradeError } from '../errors/upgrade-error.ts'

/** What this process remembers of an unfinished step. It outlives the runs of the step. */
export interface StepMemory {
  /** When this process first ran the step, in monotonic milliseconds. */
  since: number
  /** The error of the last action. It is kept until an action succeeds, so that the message is constant. */
  trouble: UpgradeError | undefined
  /** True when the error is the failure of a unit. It is kept until the step is done. */
  isOfUnit: boolean
}
