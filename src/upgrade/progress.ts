import type { UpgradeError } from '../errors/upgrade-error.ts'

// How far an upgrade is. `message` is constant for a state, because CAPI copies it into a condition.
export interface Progress {
  phase: 'InProgress' | 'Done' | 'Failed'
  // The name of the current step; empty before the first one and at the end.
  step: string
  message: string
  // When to ask again; 0 when there is nothing more to wait for.
  retryAfterSeconds: number
  error?: UpgradeError
}
