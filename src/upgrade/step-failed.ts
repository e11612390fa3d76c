import type { UpgradeError } from '../errors/upgrade-error.ts'

/** A step that ended in a failure, which stands in the record by now. */
export class StepFailed extends Error {
  readonly error: UpgradeError
  /** For how long the same request rests. */
  readonly pauseSeconds: number

  constructor(error: UpgradeError, pauseSeconds: number) {
    super(error.message, { cause: error })
    this.error = error
    this.pauseSeconds = pauseSeconds
  }
}
