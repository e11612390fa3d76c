import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { onTestFinished } from 'vitest'
import type { Tls } from '../../src/app/server.ts'
import type { KeyPair } from '../../src/certificate.ts'
import { type Served, serve } from './serve.ts'

/** A certificate for localhost that signs itself. */
export async function selfSigned(): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  return { cert, key }
}

export interface Listening extends Served {
  port: number
  address: { url: string; ca: string }
  /** A connection of its own, closed when the test has ended. */
  open(options?: ConnectionOptions): Promise<TLSSocket>
}

/** The service on a port of 127.0.0.1, with this certificate. */
export async function listen(tls: Tls, wish: Parameters<typeof serve>[0] = {}): Promise<Listening> {
  const served = serve({ ...wish, tls })
  await served.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = served.app.server.address() as AddressInfo
  const open = async (options: ConnectionOptions = {}) => {
    const socket = connect({ port, host: 'localhost', ca: tls.cert, ...options })
    onTestFinished(() => void socket.destroy())
    // A test reads what came before the connection was reset.
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    return socket
  }
  return { ...served, port, address: { url: `https://localhost:${port}`, ca: tls.cert }, open }
}

/** The head of a POST whose body is to follow. */
export function head(path: string, contentLength: number): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${contentLength}\r\n\r\n`
}
