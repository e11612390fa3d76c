import { changes } from './changes.ts'
import { type Description, failure } from './entry.ts'
import { machines } from './machines.ts'
import { requests } from './requests.ts'
import { steps } from './steps.ts'

/**
 * Every error of this program: a function of its values to its answer, its message and what to do about it.
 * The values stay the same while the state lasts: Cluster API copies messages into conditions, and a message that
 * changes floods its controllers. docs/reference/errors.md is generated from this table.
 */
export const catalogue = {
  ...requests,
  ...changes,
  ...machines,
  ...steps,
  UNEXPECTED: () => failure('Unexpected internal error.', 'The log has the error. Please report it.'),
} satisfies Record<string, (values: never) => Description>

type Catalogue = typeof catalogue

/** The name of an error in the catalogue. It ends every message and is part of the API. */
export type ErrorCode = keyof Catalogue

type ValuesOfOne<Code extends ErrorCode> = Parameters<Catalogue[Code]> extends [infer Needed] ? Needed : unknown

/**
 * The values that the error `Code` needs: `unknown` where it needs none, and for a union of codes the values of all.
 * A parameter's type turns a union into an intersection.
 */
export type ValuesOf<Code extends ErrorCode> = (
  Code extends ErrorCode
    ? (values: ValuesOfOne<Code>) => void
    : never
) extends (values: infer All) => void
  ? All
  : never
