import type { Static, TSchema } from 'typebox'

interface Documentation<Value> {
  default: Value
  /** Markdown on one line. */
  description: string
}

/** A schema with what the documentation is made from. */
export type Documented<Schema extends TSchema> = Schema & Documentation<Static<Schema>>

/** Adds a default and a description to a new schema, and keeps their types, which TypeBox's own options lose. */
export function documented<Schema extends TSchema>(
  schema: Schema,
  documentation: Documentation<Static<Schema>>,
): Documented<Schema> {
  return Object.assign(schema, documentation)
}
