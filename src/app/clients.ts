import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { UpgradeError } from '../errors/upgrade-error.ts'

interface ClientOptions {
  /**
   * The certificate needs one of these as its common name or a DNS name. Empty: any certificate of the CA is accepted.
   */
  names: string[]
  /** Milliseconds since 1970. */
  now?: () => number
}

/** Checks the client certificates of callers. TLS only requests them, so routes have to call `check`. */
export interface Clients {
  /** Tracks the connections of the app. Has to be called before the app listens. */
  watch(app: FastifyInstance): void
  /** Throws CLIENT_CERTIFICATE unless the caller has a valid certificate of the CA with one of the names. */
  check(request: FastifyRequest): void
  /** Invalidates all open connections after a change of the CA. */
  caChanged(): void
}

/** Creates the check of client certificates. */
export function createClients({ names, now = Date.now }: ClientOptions): Clients {
  // Connections that were opened with the current CA.
  let current = new WeakSet<object>()
  let closeIdle = () => {}
  const isCurrent = ({ raw }: FastifyRequest) => current.has(raw.socket)
  return {
    watch(app) {
      app.server.on('secureConnection', (socket: TLSSocket) => current.add(socket))
      closeIdle = () => app.server.closeIdleConnections()
      // This makes the caller open a new connection, which is checked with the new CA.
      app.addHook('onSend', async (request, reply) => {
        if (!isCurrent(request)) reply.header('Connection', 'close')
      })
    },
    check(request) {
      const socket = request.raw.socket as TLSSocket
      const detail = isCurrent(request) ? objection(socket, names, now()) : 'the CA has changed'
      if (detail) throw new UpgradeError('CLIENT_CERTIFICATE', {}, { detail })
    },
    caChanged() {
      current = new WeakSet()
      closeIdle()
    },
  }
}

// The reason why the caller is refused, for the log, or undefined.
function objection(socket: TLSSocket, names: string[], now: number): string | undefined {
  const certificate = socket.getPeerX509Certificate()
  // An explicit check: for a resumed session without a certificate, Node may report `authorized`.
  if (!certificate) return 'no certificate'
  if (!socket.authorized) return String(socket.authorizationError)
  // The certificate may have expired since the connection was opened.
  if (certificate.validToDate.getTime() < now) return 'the certificate has expired'
  const exactly = { subject: 'always', wildcards: false } as const
  const isNamed = names.length === 0 || names.some((name) => certificate.checkHost(name, exactly) !== undefined)
  return isNamed ? undefined : 'none of the names is in the certificate'
}
