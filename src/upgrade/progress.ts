import type { UpgradeError } from '../errors/upgrade-error.ts'

/** The progress of an upgrade, as the hook and sync report it. */
export interface Progress {
  phase: 'InProgress' | 'Done' | 'Failed'
  /** The name of the current step; empty before the first step and at the end. */
  step: string
  /** Constant for a state, because Cluster API copies it into a condition. */
  message: string
  /** When the caller polls again; 0 when there is nothing left to wait for. */
  retryAfterSeconds: number
  /** Present in the phase Failed. */
  error?: UpgradeError
}

/** The message of an upgrade whose machine was not observed yet. */
export const observingMessage = 'observing the machine'
