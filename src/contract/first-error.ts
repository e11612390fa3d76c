import Type, { type TSchema } from 'typebox'
import { Value } from 'typebox/value'

/**
 * Describes the first part of a value that does not match the schema, such as `/spec/version must be string`. It never
 * quotes the value, which may be secret. It stops at the first error, because a request may have a million.
 */
export function firstError(schema: TSchema, value: unknown, at = ''): string {
  const next = isMap(value) ? firstWrongMember(schema, value) : undefined
  return next
    ? firstError(next.schema, next.value, `${at}/${next.key}`)
    : `${at || 'the body'} ${ownError(schema, value)}`
}

interface WrongMember {
  key: string
  value: unknown
  schema: TSchema
}

// A missing member is an error of the object itself and is reported first.
function firstWrongMember(schema: TSchema, value: Record<string, unknown>): WrongMember | undefined {
  if (missingIn(schema, value).length > 0) return undefined
  for (const key in value) {
    const member = memberSchema(schema, key)
    if (member && !Value.Check(member, value[key])) return { key, value: value[key], schema: member }
  }
  return undefined
}

function memberSchema(schema: TSchema, key: string): TSchema | undefined {
  if (Type.IsRecord(schema)) return Type.RecordValue(schema)
  if (!Type.IsObject(schema) || !Object.hasOwn(schema.properties, key)) return undefined
  return schema.properties[key]
}

function ownError(schema: TSchema, value: unknown): string {
  const missing = isMap(value) ? missingIn(schema, value) : []
  if (missing.length > 0) return `must have required properties ${missing.join(', ')}`
  return Value.Errors(schema, value)[0]?.message ?? 'is not allowed'
}

function missingIn(schema: TSchema, value: Record<string, unknown>): string[] {
  const required = Type.IsObject(schema) ? (schema.required as string[] | undefined) : undefined
  return (required ?? []).filter((key) => !Object.hasOwn(value, key))
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
