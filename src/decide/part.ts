import type { Operation } from '../contract/answers.ts'
import type { UpgradeError } from '../errors/upgrade-error.ts'

/** The decision about some differences of one object. */
export interface Part {
  /** Descriptions of the accepted changes. */
  accepted: string[]
  /** The declined changes, with reasons. */
  declined: UpgradeError[]
  /** True when an accepted change restarts or interrupts something in the machine. */
  affectsAvailability: boolean
  /** The patch of the object with the accepted changes. */
  operations: Operation[]
}

/** A decision that declines the differences, with these reasons. */
export function declinedPart(...declined: UpgradeError[]): Part {
  return { accepted: [], declined, affectsAvailability: false, operations: [] }
}

/** Joins several decisions about one object, in order. */
export function joined(parts: Part[]): Part {
  return {
    accepted: parts.flatMap(({ accepted }) => accepted),
    declined: parts.flatMap(({ declined }) => declined),
    affectsAvailability: parts.some(({ affectsAvailability }) => affectsAvailability),
    operations: parts.flatMap(({ operations }) => operations),
  }
}

/** Describes a path in messages: `bootstrapConfig clusterConfiguration.featureGates.X`. */
export function describe(object: string, path: readonly string[]): string {
  return `${object} ${path.join('.') || 'spec'}`
}
