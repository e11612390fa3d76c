import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { firstError } from './first-error.ts'

/**
 * Returns a parser from the text of a request to a validated object. The parser throws REQUEST_NOT_JSON, and
 * REQUEST_INVALID with the first field that is wrong. Errors never quote a value: a body can contain bootstrap tokens
 * and files.
 */
export function parser<Schema extends TSchema>(schema: Schema): (body: string) => Static<Schema> {
  const check = Compile(schema)
  return (body) => {
    const value = parseJson(body)
    if (check.Check(value)) return value as Static<Schema>
    throw new UpgradeError('REQUEST_INVALID', { what: firstError(schema, value) })
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // The message of JSON.parse quotes the body, so it is dropped.
    throw new UpgradeError('REQUEST_NOT_JSON')
  }
}
