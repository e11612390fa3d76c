import type { Static, TSchema } from 'typebox'

interface Documentation<Value> {
  default: Value
  /** Markdown on one line. */
  description: string
}

/** A schema with the default and description that the documentation is generated from. */
export type Documented<Schema extends TSchema> = Schema & Documentation<Static<Schema>>

/** Adds a default and a description to a new schema. Unlike TypeBox's own options, this keeps their types. */
export function documented<Schema extends TSchema>(
  schema: Schema,
  documentation: Documentation<Static<Schema>>,
): Documented<Schema> {
  return Object.assign(schema, documentation)
}
