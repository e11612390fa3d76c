import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import { UpgradeError } from '../errors/upgrade-error.ts'

/** The deepest nesting. Kubernetes objects have fewer levels, and recursion handles this many. */
const depthLimit = 100
/**
 * The most values. A parsed value takes many times its bytes in the body: `{},` has 3 bytes, and its object more than
 * 50.
 */
const valueLimit = 100_000

const quote = code('"')
const backslash = code('\\')
const comma = code(',')
const opening = new Set([code('{'), code('[')])
const closing = new Set([code('}'), code(']')])

/**
 * Returns the text of the request's body, or an empty text where there is no body.
 *
 * Throws REQUEST_NOT_JSON for bytes that are not UTF-8, and REQUEST_INVALID for a body that is nested too deeply or has
 * too many values.
 */
export function textOf({ body }: FastifyRequest): string {
  if (!Buffer.isBuffer(body)) return ''
  if (!isUtf8(body)) throw new UpgradeError('REQUEST_NOT_JSON')
  checkSize(body)
  return body.toString()
}

// Runs before the body is parsed, in one pass over its bytes.
function checkSize(json: Buffer): void {
  let depth = 0
  let values = 1
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0
    if (byte === quote) at = endOfString(json, at)
    else if (byte === comma) values++
    else if (opening.has(byte)) depth++
    else if (closing.has(byte)) depth--
    if (depth > depthLimit) refuse(`the body has more than ${depthLimit} levels`)
    if (values > valueLimit) refuse(`the body has more than ${valueLimit} values`)
  }
}

function endOfString(json: Buffer, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1
  return at
}

function refuse(what: string): never {
  throw new UpgradeError('REQUEST_INVALID', { what })
}

function code(character: string): number {
  return character.charCodeAt(0)
}
