import { request } from 'node:https'
import { text } from 'node:stream/consumers'

// What a caller of the service has to know.
export interface Address {
  url: string
  ca: string
}

// One HTTPS request as Cluster API's client makes it: the given CA alone is trusted, and there is no
// Content-Type (CAPI v1.14.2 internal/runtime/client/client.go, httpCall).
export async function callService(
  { url, ca }: Address,
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
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject),
    )
    call.on('timeout', () => call.destroy(new Error(`no answer from ${path} within 10 s`)))
    call.on('error', reject)
    call.end(body)
  })
}
