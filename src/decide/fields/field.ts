import type { Role } from '../../kubernetes/versions.ts'
import type { Claim } from '../claims.ts'

/** How an in-place update of a machine handles one field of an object. */
export interface Field {
  /** The path from the object's spec: `[]` follows the name of a list, and `*` stands for any key. */
  path: string
  /**
   * The fields below it that are handled in the same way, by their paths from here. All others below it are unknown.
   */
  below?: readonly string[]
  /** True when unknown fields below it have no effect on a machine. */
  isOpen?: true
  /** The roles of the machines that it affects; default both. */
  roles?: readonly Role[]
  /** How an update preserves the field while it does not change: where it is honored, or why nothing can be lost. */
  kept: string
  /** The values that decline every change of the machine. */
  objection?: Objection
  /**
   * How a change of it is made in place. Without a claim, a change declines, unless Cluster API does not compare the
   * field.
   */
  claim?: Claim
  /** True when Cluster API does not compare the field, so that a change of it does not affect the machine. */
  notCompared?: true
}

/** Values that an in-place update would lose or could not honor. */
export interface Objection {
  /** Describes the values in the documentation. */
  values: string
  /** Why a value is one of them, or undefined. */
  find(value: unknown, holder: Holder): string | undefined
}

/** The spec that contains a value, and the role of its machine. */
export interface Holder {
  spec: unknown
  role: Role
}
