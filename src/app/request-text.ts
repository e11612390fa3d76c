import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import { UpgradeError } from '../errors/upgrade-error.ts'

/** More levels than any object of Kubernetes has, and few enough to be walked by recursion. */
const depthLimit = 100
/** Each value takes memory many times its bytes in the body: `{},` is 3 bytes there and more than 50 as an object. */
const valueLimit = 100_000

const quote = code('"')
const backslash = code('\\')
const comma = code(',')
const opening = new Set([code('{'), code('[')])
const closing = new Set([code('}'), code(']')])

/**
 * The text of the request's body; empty where there is none, which then is not JSON.
 *
 * Throws REQUEST_NOT_JSON for bytes that are not UTF-8, and REQUEST_INVALID for more levels or more values than a
 * request can have.
 */
export function textOf({ body }: FastifyRequest): string {
  if (!Buffer.isBuffer(body)) return ''
  if (!isUtf8(body)) throw new UpgradeError('REQUEST_NOT_JSON')
  checkSize(body)
  return body.toString()
}

// Before anything is parsed, in one pass over the bytes.
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
