import { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { HookResponse } from '../contract/answers.ts'
import type { Handlers } from '../hooks/handlers.ts'
import type { Metrics } from '../metrics.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'
import { readBodies } from './bodies.ts'
import type { Clients } from './clients.ts'
import { healthRoutes } from './health.ts'
import { hookRoutes } from './hooks.ts'
import { metricsRoute } from './metrics.ts'
import { answerProblems, sendNotFound } from './problems.ts'
import { type Limits, limitedFastify, type Tls } from './server.ts'
import { startSyncRoutes } from './start-sync.ts'

/** What the HTTP server needs. */
export interface AppParts {
  /** A handler that returns a Response bypasses the JSON serializer. */
  handlers: Handlers<HookResponse | Response>
  upgrades: Upgrades
  /** The bearer token of start and sync; empty where they are not served. */
  token: string
  /** Resolves when the service is ready, and rejects with the reason when it is not. */
  ready: () => Promise<void>
  metrics: Metrics
  log: FastifyBaseLogger
  /** Absent: plain HTTP, for tests. */
  tls?: Tls
  /** Absent: callers of the hooks, start and sync need no client certificate. */
  clients?: Clients | undefined
  /** Absent: the default limits. */
  limits?: Limits
}

/** Assembles the plugins, one per concern. The caller listens on a port, and tests inject requests. */
export function buildApp({
  handlers,
  upgrades,
  token,
  ready,
  metrics,
  log,
  clients,
  ...listener
}: AppParts): FastifyInstance {
  const options = {
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // For a path that cannot be decoded.
    frameworkErrors: sendNotFound,
  }
  const app = limitedFastify(options, listener)
  answerProblems(app, metrics)
  readBodies(app)
  clients?.watch(app)
  app.register(hookRoutes, { handlers, metrics, clients })
  if (token !== '') app.register(startSyncRoutes, { upgrades, token, clients })
  app.register(healthRoutes, { ready })
  app.register(metricsRoute, { metrics })
  return app
}
