import type { UpgradeError } from '../errors/upgrade-error.ts'

/** A step has failed, and the record in the machine has the failure. */
export class StepFailed extends Error {
  readonly error: UpgradeError
  /** The backoff before the same request is tried again. */
  readonly pauseSeconds: number

  constructor(error: UpgradeError, pauseSeconds: number) {
    super(error.message, { cause: error })
    this.error = error
    this.pauseSeconds = pauseSeconds
  }
}
