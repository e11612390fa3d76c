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

interface Parts {
  handlers: Handlers<HookResponse | Response>
  metrics: Metrics
  clients: Clients | undefined
}

// Errors that are about the connection and not about the hook: they are no answer of the hook.
const notOfHook = new Set<ErrorCode>(['REQUESTS_TOO_MANY', 'CLIENT_CERTIFICATE'])

/**
 * The routes that Cluster API calls: discovery and the hooks. Discovery needs no client certificate. It gives nothing
 * away, and Cluster API's core manager exits when it fails for 60 s: a wrong certificate must not do that.
 */
export async function hookRoutes(app: FastifyInstance, { handlers, metrics, clients }: Parts): Promise<void> {
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

// A Failure goes with status 200: Cluster API makes an error of any other, with the first 512 bytes of the body.
function sendFailure(hook: string) {
  return (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const error = coded(thrown)
    // For the app's own error handler.
    if (thrown instanceof CallerGone || notOfHook.has(error.code)) throw thrown
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
