import { Agent, type Dispatcher, request } from 'undici'

/** Where a service is, and the CA that it is trusted by (PEM). */
export interface ServiceAddress {
  url: string
  ca: string
}

/** An HTTP request, and how long to wait for the whole response; 10 s by default. */
export interface HttpRequest {
  method: string
  path: string
  body?: string | Buffer | undefined
  headers?: Record<string, string>
  limitSeconds?: number
}

/** An HTTP response with its whole body. */
export interface HttpResponse {
  status: number
  body: string
}

/**
 * At most so many connections to a service, which stay open between requests; with 0 each request has a new connection, one
 * after the other. The caller closes the agent.
 */
export function connectionsTo({ ca }: Pick<ServiceAddress, 'ca'>, count: number): Agent {
  // undici's pipelining: the requests in progress on a connection. With 0 it is closed after each.
  return new Agent({ connections: count || 1, pipelining: count > 0 ? 1 : 0, connect: { ca, minVersion: 'TLSv1.2' } })
}

/** Makes one request over the connections of an agent. Throws when there is no response within the limit. */
export async function callOver(
  agent: Agent,
  url: string,
  { method, path, body, headers = {}, limitSeconds = 10 }: HttpRequest,
): Promise<HttpResponse> {
  const signal = AbortSignal.timeout(limitSeconds * 1000)
  try {
    const response = await request(new URL(path, url), {
      dispatcher: agent,
      method: method as Dispatcher.HttpMethod,
      headers: { 'accept-encoding': 'identity', ...headers },
      // undici's own limits end no earlier than this one.
      headersTimeout: 0,
      bodyTimeout: 0,
      signal,
      ...(body !== undefined && { body }),
    })
    return { status: response.statusCode, body: await response.body.text() }
  } catch (thrown) {
    throw signal.aborted ? new Error(`no response from ${path} within ${limitSeconds} s`) : thrown
  }
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
  headers?: Record<string, string>,
): Promise<HttpResponse> {
  const agent = connectionsTo({ ca }, 0)
  try {
    return await callOver(agent, url, { method, path, body, ...(headers && { headers }) })
  } finally {
    await agent.destroy()
  }
}
