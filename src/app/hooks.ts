import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { failureResponse, type HookResponse } from '../contract/answers.ts'
import { discoveryPath, hooks, pathOf } from '../contract/catalogue.ts'
import type { ErrorCode } from '../errors/catalogue.ts'
import { coded } from '../errors/upgrade-error.ts'
import type { Handlers } from '../hooks/handlers.ts'
import type { Metrics } from '../metrics.ts'
import { CallerGone } from './bodies.ts'
import type { Clients } from './clients.ts'
import { logged } from './problems.ts'
import { textOf } from './request-text.ts'

interface HookRoutesOptions {
  handlers: Handlers<HookResponse | Response>
  metrics: Metrics
  clients: Clients | undefined
}

// Errors of the connection. They are not answered with a response of the hook.
const connectionErrors = new Set<ErrorCode>(['REQUESTS_TOO_MANY', 'CLIENT_CERTIFICATE'])

/**
 * The routes of discovery and the hooks. Discovery needs no client certificate: it reveals nothing, and Cluster API's
 * core manager exits when discovery fails for 60 s.
 */
export async function hookRoutes(
  app: FastifyInstance,
  { handlers, metrics, clients }: HookRoutesOptions,
): Promise<void> {
  app.post(discoveryPath, { preSerialization: counted('Discovery', metrics) }, async () => handlers.discovery(''))
  for (const [key, entry] of Object.entries(hooks)) {
    const handler = handlers[key as keyof typeof hooks]
    app.post(pathOf(entry), {
      onRequest: async (request) => clients?.check(request),
      preSerialization: counted(entry.hook, metrics),
      handler: async (request) => handler(textOf(request)),
      errorHandler: sendFailure(entry.hook),
    })
  }
}

// A Failure is sent with HTTP status 200. With any other status, Cluster API reports only the first 512 bytes of the
// body.
function sendFailure(hook: string) {
  return (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const error = coded(thrown)
    // Handled by the error handler of the app.
    if (thrown instanceof CallerGone || connectionErrors.has(error.code)) throw thrown
    return reply.code(200).send(failureResponse(hook, logged(error, request)))
  }
}

function counted(hook: string, metrics: Metrics) {
  return async (_request: FastifyRequest, reply: FastifyReply, answer: unknown) => {
    const { status } = answer as Partial<HookResponse>
    if (status) metrics.answered(hook, status, reply.elapsedTime / 1000)
    return answer
  }
}
