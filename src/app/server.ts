import type { Server } from 'node:https'
import fastify, { type FastifyHttpsOptions, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { ClientCa, Pair } from '../certificate.ts'

/** The serving certificate and, where callers are to have certificates, the CA of those. */
export type Tls = Pair & Partial<ClientCa>

/** Limits of the listener. Times are in milliseconds. */
export interface Limits {
  connections: number
  /** Until the headers are complete, counted from the start of the connection or of the request. */
  headersTimeout: number
  /** Until the whole request is there. */
  requestTimeout: number
  /** How often connections that are over one of these two are looked for. */
  connectionsCheckingInterval: number
  handshakeTimeout: number
  keepAliveTimeout: number
}

const usualLimits: Limits = {
  // Two managers with some ten connections each, and the kubelet's probes. A connection takes about 60 KiB.
  connections: 250,
  headersTimeout: 10_000,
  // Cluster API itself gives a call 10 s.
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  handshakeTimeout: 10_000,
  // Longer than the 90 s for which Cluster API keeps an idle connection, so that it never writes into a closing one.
  keepAliveTimeout: 100_000,
}

/** A Fastify app whose listener keeps the limits; over plain HTTP, for tests, where there is no certificate. */
export function limitedFastify(
  options: FastifyServerOptions,
  { tls, limits = usualLimits }: { tls?: Tls; limits?: Limits },
): FastifyInstance {
  const { connections, headersTimeout, connectionsCheckingInterval, handshakeTimeout, ...common } = limits
  const listener = { headersTimeout, connectionsCheckingInterval }
  const app = tls
    ? overTls({ ...options, ...common, https: { ...listener, handshakeTimeout, ...contextOf(tls) } })
    : fastify({ ...options, ...common, http: listener })
  app.server.maxConnections = connections
  return app
}

/** Serves with this from the next connection on; open connections stay as they are. */
export function serveWith(app: FastifyInstance, tls: Tls): void {
  const server = app.server as unknown as Server
  server.setSecureContext(contextOf(tls))
}

// Callers without a certificate come in, too: probes have none. Routes that need one check it.
function contextOf({ cert, key, ca }: Tls) {
  const context = { cert, key, minVersion: 'TLSv1.2' } as const
  return ca ? { ...context, ca, requestCert: true, rejectUnauthorized: false } : context
}

// Fastify types a TLS server apart from a plain one; everything here serves both alike.
function overTls(options: object): FastifyInstance {
  return fastify(options as FastifyHttpsOptions<Server>) as unknown as FastifyInstance
}
