import { timingSafeEqual } from 'node:crypto'
import type { Server } from 'node:https'
import fastify, {
  type FastifyBaseLogger,
  type FastifyHttpsOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { answerStart } from './api/start.ts'
import { answerSync } from './api/sync.ts'
import type { Pair } from './certificate.ts'
import { failureResponse, type HookResponse } from './contract/answers.ts'
import { discoveryPath, hooks, pathOf } from './contract/catalogue.ts'
import { coded, UpgradeError } from './errors/upgrade-error.ts'
import type { Handlers } from './hooks/handlers.ts'
import type { Metrics } from './metrics.ts'
import type { Upgrades } from './upgrade/upgrades.ts'

export interface Parts {
  // A Response is sent as it is.
  handlers: Handlers<HookResponse | Response>
  upgrades: Upgrades
  // Empty: start and sync are not served.
  token: string
  // Resolves when the service can work; rejects with the reason when it can not.
  ready: () => Promise<void>
  metrics: Metrics
  log: FastifyBaseLogger
  tls?: Pair
}

// The limit of CAPI's own server (exp/runtime/server/server.go).
const bodyLimit = 20 * 1024 * 1024
// Longer than the 90 s for which CAPI keeps an idle connection, so that it never writes into a closing one.
const keepAliveTimeout = 100_000
const minVersion = 'TLSv1.2'

// Routes to handlers. Knows no ports and no signals; tests inject requests here.
export function buildApp({ handlers, upgrades, token, ready, metrics, log, tls }: Parts): FastifyInstance {
  const options = {
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    keepAliveTimeout,
    // A path that cannot even be decoded.
    frameworkErrors: (_error: Error, request: FastifyRequest, reply: FastifyReply) => notFound(request, reply),
  }
  const app = tls ? overTls({ ...options, https: { ...tls, minVersion } }) : fastify(options)
  // CAPI sends no Content-Type at all, people send any, broken ones too: it is not looked at. The body is always
  // text, and parsed by its own handler.
  app.addHook('onRequest', async ({ raw }) => {
    delete raw.headers['content-type']
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))

  app.post(discoveryPath, { preSerialization: counted('Discovery') }, async () => handlers.discovery(''))
  for (const [key, entry] of Object.entries(hooks)) {
    const handler = handlers[key as keyof typeof hooks]
    // Failure goes with status 200: any other becomes an error with the first 512 bytes of the body in it.
    const fail = (thrown: unknown) => failureResponse(entry.hook, logged(coded(thrown)))
    app.post(pathOf(entry), {
      preSerialization: counted(entry.hook),
      handler: async (request) => Promise.resolve(handler(textOf(request))).catch(fail),
      errorHandler: (error, _request, reply) => reply.code(200).send(fail(known(error))),
    })
  }
  if (token !== '') {
    app.post('/v1/start', { onRequest: bearer(token) }, async (request, reply) => {
      return reply.code(202).send(answerStart(textOf(request), upgrades))
    })
    app.post('/v1/sync', { onRequest: bearer(token) }, async (request) => answerSync(textOf(request), upgrades))
  }
  app.get('/healthz', async () => 'ok')
  // Probes ask every few seconds and show nobody the answer: the log has each reason once.
  let unready = ''
  app.get('/readyz', async (_request, reply) => {
    const error = await ready().then(() => undefined, coded)
    if (error && error.message !== unready) logged(error)
    unready = error?.message ?? ''
    return error ? reply.code(503).send(`${error.message}\n`) : 'ok'
  })
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))

  app.setNotFoundHandler(notFound)
  app.setErrorHandler((thrown, _request, reply) => {
    const error = logged(coded(known(thrown)))
    return reply.code(statusOf(error)).send(problem(error))
  })
  return app

  function counted(hook: string) {
    return async (_request: FastifyRequest, reply: FastifyReply, answer: unknown) => {
      metrics.answered(hook, (answer as HookResponse).status, reply.elapsedTime / 1000)
      return answer
    }
  }

  function logged(error: UpgradeError): UpgradeError {
    log.warn({ code: error.code, detail: error.detail, err: error.cause, todo: error.todo }, error.message)
    return error
  }
}

// From the next connection on. What is open stays as it is.
export function serveWith(app: FastifyInstance, pair: Pair): void {
  const server = app.server as unknown as Server
  server.setSecureContext({ ...pair, minVersion })
}

// Fastify types a TLS server apart from a plain one; everything here serves both alike.
function overTls(options: FastifyHttpsOptions<Server>): FastifyInstance {
  return fastify(options) as unknown as FastifyInstance
}

// No body at all reaches a handler as nothing; its parser then says that it is not JSON.
function textOf(request: FastifyRequest): string {
  return typeof request.body === 'string' ? request.body : ''
}

function notFound(request: FastifyRequest, reply: FastifyReply) {
  const path = request.url.split('?')[0] ?? ''
  return reply.code(404).send(problem(new UpgradeError('HOOK_UNKNOWN', { path })))
}

function bearer(token: string) {
  return async (request: FastifyRequest, _reply: FastifyReply) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    const wanted = Buffer.from(`Bearer ${token}`)
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new UpgradeError('TOKEN_WRONG')
  }
}

// Fastify's own errors about a body, as ours.
function known(thrown: unknown): unknown {
  const { code } = thrown as { code?: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new UpgradeError('REQUEST_TOO_LARGE', {}, { cause: thrown })
  if (code?.startsWith('FST_ERR_CTP_')) return new UpgradeError('REQUEST_NOT_JSON', {}, { cause: thrown })
  return thrown
}

function problem({ code, message, todo }: UpgradeError) {
  return { code, message, todo }
}

function statusOf({ code, answer }: UpgradeError): number {
  if (code === 'TOKEN_WRONG') return 401
  if (code === 'NOT_STARTED') return 404
  if (code === 'REQUEST_TOO_LARGE') return 413
  if (code === 'UNEXPECTED') return 500
  return answer === 'progress' ? 409 : 400
}
