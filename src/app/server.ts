import type { Server } from 'node:https'
import type { FastifyInstance } from 'fastify'
import type { Pair } from '../certificate.ts'

/** Milliseconds. Longer than the 90 s for which Cluster API keeps an idle connection, so that it never writes into a
 * closing one. */
export const keepAliveTimeout = 100_000

/** The TLS options of the listener for a certificate with its key. */
export function contextOf({ cert, key }: Pair) {
  return { cert, key, minVersion: 'TLSv1.2' } as const
}

/** Serves the pair from the next connection on; open connections stay as they are. */
export function serveWith(app: FastifyInstance, pair: Pair): void {
  const server = app.server as unknown as Server
  server.setSecureContext(contextOf(pair))
}
