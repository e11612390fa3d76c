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

/** What the HTTP side of the service is made of. */
export interface Parts {
  /** A Response is sent as it is. */
  handlers: Handlers<HookResponse | Response>
  upgrades: Upgrades
  /** Empty: start and sync are not served. */
  token: string
  /** Resolves when the service can work; rejects with the reason when it cannot. */
  ready: () => Promise<void>
  metrics: Metrics
  log: FastifyBaseLogger
  /** Absent: plain HTTP, for tests. */
  tls?: Tls
  /** Absent: callers of the hooks, of start and of sync need no client certificate. */
  clients?: Clients | undefined
  /** Absent: the usual ones. */
  limits?: Limits
}

/** Puts the plugins together, one for each concern. It knows no ports and no signals; tests inject requests here. */
export function buildApp({
  handlers,
  upgrades,
  token,
  ready,
  metrics,
  log,
  clients,
  ...listener
}: Parts): FastifyInstance {
  const options = {
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // A path that cannot even be decoded.
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
