import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../errors/catalogue.ts'
import { coded, UpgradeError } from '../errors/upgrade-error.ts'
import type { Metrics } from '../metrics.ts'
import { CallerGone } from './bodies.ts'

const statuses: Partial<Record<ErrorCode, number>> = {
  CLIENT_CERTIFICATE: 401,
  TOKEN_WRONG: 401,
  HOOK_UNKNOWN: 404,
  NOT_STARTED: 404,
  REQUEST_TOO_LARGE: 413,
  UNEXPECTED: 500,
  REQUESTS_TOO_MANY: 503,
}
const retryAfterSeconds = 5

/** Answers errors and unknown paths or methods with code, message and todo in JSON. */
export function answerProblems(app: FastifyInstance, metrics: Metrics): void {
  // An early hook, because Fastify's own 404 handler would read the body first and treats some methods differently.
  app.addHook('onRequest', async (request, reply) =>
    request.is404 ? sendNotFound(undefined, request, reply) : undefined,
  )
  app.setErrorHandler((thrown, request, reply) => {
    if (thrown instanceof CallerGone) return end(request, reply)
    const error = logged(coded(thrown), request)
    metrics.refused(error.code)
    if (error.code === 'REQUESTS_TOO_MANY') reply.header('Retry-After', retryAfterSeconds)
    return send(error, reply)
  })
}

/** Answers with HTTP status 404 and HOOK_UNKNOWN. */
export function sendNotFound(_error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?')[0] ?? ''
  return send(new UpgradeError('HOOK_UNKNOWN', { path }), reply)
}

/**
 * Logs the error as a warning and returns it. It leaves out the id of the request, so that equal warnings can be
 * folded.
 */
export function logged(error: UpgradeError, { server }: FastifyRequest): UpgradeError {
  server.log.warn({ code: error.code, detail: error.detail, err: error.cause, todo: error.todo }, error.message)
  return error
}

// The caller does not receive this response. It ends the request for Fastify.
function end(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  request.log.debug({ path: request.routeOptions.url }, 'the caller closed the connection during the request')
  return reply.code(400).send()
}

function send(error: UpgradeError, reply: FastifyReply): FastifyReply {
  const { code, message, todo } = error
  return reply.code(statusOf(error)).send({ code, message, todo })
}

function statusOf({ code, answer }: UpgradeError): number {
  return statuses[code] ?? (answer === 'progress' ? 409 : 400)
}
