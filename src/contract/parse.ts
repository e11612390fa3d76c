import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { firstError } from './first-error.ts'

// Makes a parser from request text to a checked object; throws REQUEST_NOT_JSON or REQUEST_INVALID, which
// names the first field that is wrong but never its value: a body can hold bootstrap tokens and file contents.
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
    // The parser's own message quotes the body, so it is not kept.
    throw new UpgradeError('REQUEST_NOT_JSON')
  }
}
