import { finished } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { UpgradeError } from '../errors/upgrade-error.ts'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** Bytes of one body. A hook's request has at most six objects, and etcd stores none that is larger than 1.5 MiB. */
const bodyLimit = 10 * mebibyte
/** Bytes that all bodies may take together, those that are read and those that are being answered. */
const totalLimit = 32 * mebibyte

/** The caller closed the connection before the request was complete: no answer can reach it. */
export class CallerGone extends Error {}

interface Body {
  bytes: Buffer
  length: number
  /** Ends the reading with this error; absent when all of the body is there. */
  refuse?: (error: UpgradeError) => void
}

/**
 * Reads bodies as bytes, whatever their Content-Type: Cluster API sends none, people send any, broken ones too.
 *
 * Throws REQUEST_TOO_LARGE and CallerGone. Where all bodies together are too large, the largest of those that are still
 * being read ends with REQUESTS_TOO_MANY: small requests pass while large ones come in, or stand still.
 */
export function readBodies(app: FastifyInstance): void {
  const bodies = new Map<FastifyRequest, Body>()
  app.addHook('onRequest', async (request, reply) => {
    delete request.raw.headers['content-type']
    finished(reply.raw, () => bodies.delete(request))
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request: FastifyRequest) => {
    const body: Body = { bytes: Buffer.alloc(0), length: 0 }
    bodies.set(request, body)
    return read(request, body, () => makeRoom([...bodies.values()]))
  })
}

async function read({ raw }: FastifyRequest, body: Body, makeRoom: () => void): Promise<Buffer> {
  if (Number(raw.headers['content-length']) > bodyLimit) throw new UpgradeError('REQUEST_TOO_LARGE')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  body.refuse = reject
  const keep = (chunk: Buffer) => {
    if (body.length + chunk.length > bodyLimit) return reject(new UpgradeError('REQUEST_TOO_LARGE'))
    append(body, chunk)
    makeRoom()
  }
  raw.on('data', keep)
  finished(raw, { writable: false }, (error) => (error ? reject(new CallerGone()) : resolve()))
  try {
    await promise
    return body.bytes.subarray(0, body.length)
  } catch (error) {
    body.bytes = Buffer.alloc(0)
    throw error
  } finally {
    // What still comes is dropped.
    raw.off('data', keep)
    delete body.refuse
  }
}

// Into one buffer: the pieces of a body that trickles in would take many times their size.
function append(body: Body, chunk: Buffer): void {
  const length = body.length + chunk.length
  if (length > body.bytes.length) {
    const larger = Buffer.allocUnsafeSlow(Math.min(bodyLimit, Math.max(16 * kibibyte, 2 * body.bytes.length, length)))
    body.bytes.copy(larger, 0, 0, body.length)
    body.bytes = larger
  }
  chunk.copy(body.bytes, body.length)
  body.length = length
}

function makeRoom(bodies: Body[]): void {
  const total = bodies.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (total <= totalLimit) return
  const [largest] = bodies.filter(({ refuse }) => refuse).sort((one, other) => other.bytes.length - one.bytes.length)
  largest?.refuse?.(new UpgradeError('REQUESTS_TOO_MANY'))
}
