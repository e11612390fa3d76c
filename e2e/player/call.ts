import { request } from 'node:https'
import { text } from 'node:stream/consumers'

/** Where a service is, and the CA that it is trusted by (PEM). */
export interface ServiceAddress {
  url: string
  ca: string
}

/**
 * Makes one HTTPS request as Cluster API's client does: only the given CA is trusted, and there is no Content-Type (CAPI
 * v1.14.2 internal/runtime/client/client.go, httpCall). Throws when there is no response within 10 s.
 */
export async function callService(
  { url, ca }: ServiceAddress,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, url), {
      method,
      ca,
      headers: { 'accept-encoding': 'identity', ...length, ...headers },
      minVersion: 'TLSv1.2',
      timeout: 10_000,
    })
    call.on('response', (response) =>
      text(response).then((responseBody) => resolve({ status: response.statusCode ?? 0, body: responseBody }), reject),
    )
    call.on('timeout', () => call.destroy(new Error(`no response from ${path} within 10 s`)))
    call.on('error', reject)
    call.end(body)
  })
}
