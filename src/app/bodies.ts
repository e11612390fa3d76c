import { finished } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { UpgradeError } from '../errors/upgrade-error.ts'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** The most bytes of one body. A hook's request has at most six objects, and etcd stores objects of up to 1.5 MiB. */
const bodyLimit = 10 * mebibyte
/** The most bytes of all bodies together: those that are being read and those that are being answered. */
const totalLimit = 32 * mebibyte

/** The caller closed the connection before the request was complete, so it cannot be answered. */
export class CallerGone extends Error {}

interface Body {
  bytes: Buffer
  length: number
  /** Aborts the reading with an error; absent when the body is complete. */
  refuse?: (error: UpgradeError) => void
}

/**
 * Reads bodies as bytes and ignores the Content-Type, since Cluster API sends none.
 *
 * A body that is too large fails with REQUEST_TOO_LARGE, and an incomplete one with CallerGone. When all bodies
 * together are too large, the largest one that is still being read fails with REQUESTS_TOO_MANY. So small requests are
 * served while large ones arrive slowly.
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
    // The rest of the body is dropped.
    raw.off('data', keep)
    delete body.refuse
  }
}

// One growing buffer: the chunks of a slow body would take many times their size.
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
