import type { Server } from 'node:https'
import fastify, { type FastifyHttpsOptions, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { ClientCa, KeyPair } from '../certificate.ts'

/** The serving certificate and, where client certificates are checked, their CA. */
export type Tls = KeyPair & Partial<ClientCa>

/** Limits of the HTTP server. Times are in milliseconds. */
export interface Limits {
  connections: number
  /** Time until the headers are complete, from the start of the connection or of the request. */
  headersTimeout: number
  /** Time until the request is complete. */
  requestTimeout: number
  /** How often both timeouts are checked. */
  connectionsCheckingInterval: number
  handshakeTimeout: number
  keepAliveTimeout: number
}

const usualLimits: Limits = {
  // Two managers open about ten connections each, and the kubelet probes. A connection takes about 60 KiB.
  connections: 250,
  headersTimeout: 10_000,
  // Cluster API's own timeout of a call is 10 s.
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  handshakeTimeout: 10_000,
  // Cluster API keeps idle connections for 90 s. A longer timeout means that it never writes to a closing connection.
  keepAliveTimeout: 100_000,
}

/** Creates a Fastify app with the limits. Without a certificate it serves plain HTTP, for tests. */
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

/** Replaces the certificate and CA for new connections. Open connections keep theirs. */
export function serveWith(app: FastifyInstance, tls: Tls): void {
  const server = app.server as unknown as Server
  server.setSecureContext(contextOf(tls))
}

// Connections without a client certificate are accepted, because probes have none. Routes check the certificate.
function contextOf({ cert, key, ca }: Tls) {
  const context = { cert, key, minVersion: 'TLSv1.2' } as const
  return ca ? { ...context, ca, requestCert: true, rejectUnauthorized: false } : context
}

// Fastify has different types for an HTTPS and an HTTP server, although the app uses both in the same way.
function overTls(options: object): FastifyInstance {
  return fastify(options as FastifyHttpsOptions<Server>) as unknown as FastifyInstance
}
