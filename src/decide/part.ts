import type { Operation } from '../contract/answers.ts'
import type { UpgradeError } from '../errors/upgrade-error.ts'

/** What is decided about some of the differences of one object. */
export interface Part {
  /** What is done in place, in words. */
  accepted: string[]
  /** What is not, and why. */
  declined: UpgradeError[]
  /** What is accepted restarts something in the machine, or interrupts it. */
  affectsAvailability: boolean
  /** The patch that makes of the object what is accepted. */
  operations: Operation[]
}

/** Nothing of the differences is made in place, for these reasons. */
export function declinedPart(...declined: UpgradeError[]): Part {
  return { accepted: [], declined, affectsAvailability: false, operations: [] }
}

/** Several decisions about one object, in their order. */
export function joined(parts: Part[]): Part {
  return {
    accepted: parts.flatMap(({ accepted }) => accepted),
    declined: parts.flatMap(({ declined }) => declined),
    affectsAvailability: parts.some(({ affectsAvailability }) => affectsAvailability),
    operations: parts.flatMap(({ operations }) => operations),
  }
}

/** A path as a person reads it: `bootstrapConfig clusterConfiguration.featureGates.X`. */
export function describe(object: string, path: readonly string[]): string {
  return `${object} ${path.join('.') || 'spec'}`
}
