import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { UpgradeError } from '../errors/upgrade-error.ts'

interface Options {
  /** One of these has to be the certificate's common name or a DNS name in it. Empty: any certificate of the CA will do. */
  names: string[]
  /** Milliseconds since 1970. */
  now?: () => number
}

/** Checks the client certificates of callers. TLS requests them, and lets everyone in. */
export interface Clients {
  /** Watches the connections of the app, from before it listens. */
  watch(app: FastifyInstance): void
  /** Throws CLIENT_CERTIFICATE unless the caller has a certificate of the CA, and one of the names. */
  check(request: FastifyRequest): void
  /** The CA is another one now: checks of earlier connections do not count any more. */
  caChanged(): void
}

export function createClients({ names, now = Date.now }: Options): Clients {
  // Connections that were opened with the CA that is in use.
  let current = new WeakSet<object>()
  let closeIdle = () => {}
  const isCurrent = ({ raw }: FastifyRequest) => current.has(raw.socket)
  return {
    watch(app) {
      app.server.on('secureConnection', (socket: TLSSocket) => current.add(socket))
      closeIdle = () => app.server.closeIdleConnections()
      // The caller opens a new connection for its next request, and is checked with the new CA there.
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

// Why the caller is refused, for the log; nothing where it is accepted.
function objection(socket: TLSSocket, names: string[], now: number): string | undefined {
  const certificate = socket.getPeerX509Certificate()
  // Checked by itself: what `authorized` is for a resumed session without a certificate is up to Node and OpenSSL.
  if (!certificate) return 'no certificate'
  if (!socket.authorized) return String(socket.authorizationError)
  // The connection may be older than the end of its certificate.
  if (certificate.validToDate.getTime() < now) return 'the certificate has expired'
  const exactly = { subject: 'always', wildcards: false } as const
  const isNamed = names.length === 0 || names.some((name) => certificate.checkHost(name, exactly) !== undefined)
  return isNamed ? undefined : 'none of the names is in the certificate'
}
