import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { coded, type ErrorCode, UpgradeError } from '../errors.ts'

const statuses: Partial<Record<ErrorCode, number>> = {
  TOKEN_WRONG: 401,
  HOOK_UNKNOWN: 404,
  NOT_STARTED: 404,
  REQUEST_TOO_LARGE: 413,
  UNEXPECTED: 500,
}

/** Answers errors, and paths at which there is nothing, with code, message and todo in JSON. */
export function answerProblems(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => sendNotFound(undefined, request, reply))
  app.setErrorHandler((thrown, request, reply) => sendProblem(logged(asCoded(thrown), request), reply))
}

/** Answers with HTTP status 404 and HOOK_UNKNOWN. */
export function sendNotFound(_error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?')[0] ?? ''
  return sendProblem(new UpgradeError('HOOK_UNKNOWN', { path }), reply)
}

/** Any thrown value as an error of the catalogue, Fastify's own errors about a body included. */
export function asCoded(thrown: unknown): UpgradeError {
  const { code } = thrown as { code?: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new UpgradeError('REQUEST_TOO_LARGE', {}, { cause: thrown })
  if (code?.startsWith('FST_ERR_CTP_')) return new UpgradeError('REQUEST_NOT_JSON', {}, { cause: thrown })
  return coded(thrown)
}

/** Logs the error as a warning and gives it back. */
export function logged(error: UpgradeError, { log }: Pick<FastifyRequest, 'log'>): UpgradeError {
  log.warn({ code: error.code, detail: error.detail, err: error.cause, todo: error.todo }, error.message)
  return error
}

function sendProblem(error: UpgradeError, reply: FastifyReply): FastifyReply {
  const { code, message, todo } = error
  return reply.code(statusOf(error)).send({ code, message, todo })
}

function statusOf({ code, answer }: UpgradeError): number {
  return statuses[code] ?? (answer === 'progress' ? 409 : 400)
}
