import type { Role } from '../../kubernetes/versions.ts'
import type { Claim } from '../claims.ts'

/** What becomes of one field of an object when its machine is updated in place. */
export interface Field {
  /** From the object's spec: `[]` follows the name of a list, and `*` stands for any key. */
  path: string
  /** The fields below it that share its fate, by their paths from here. All others below it are unknown. */
  below?: readonly string[]
  /** An unknown field below it does no harm. */
  isOpen?: true
  /** The machines on which it has an effect; both unless given. */
  roles?: readonly Role[]
  /** How a machine keeps it while it stays as it is: where it is honored, or why there is nothing to lose. */
  kept: string
  /** What of it declines every change of the machine. */
  objection?: Objection
  /** What makes a change of it in place. A change of any other field declines, unless Cluster API does not compare it. */
  claim?: Claim
  /** Cluster API leaves the field out of its comparison, so a change of it is no change of the machine. */
  notCompared?: true
}

/** A value that an update in place would lose, or could not finish with. */
export interface Objection {
  /** Which values, for people. */
  values: string
  /** Why this value is one of them, or undefined. */
  find(value: unknown, holder: Holder): string | undefined
}

/** What a value stands in. */
export interface Holder {
  spec: unknown
  role: Role
}
