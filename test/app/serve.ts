import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { onTestFinished } from 'vitest'
import { buildApp } from '../../src/app/app.ts'
import type { Clients } from '../../src/app/clients.ts'
import { createLog } from '../../src/app/log.ts'
import { readiness } from '../../src/app/readiness.ts'
import type { Limits, Tls } from '../../src/app/server.ts'
import { hooks, pathOf } from '../../src/contract/catalogue.ts'
import { withCheckedFaults, withFaults } from '../../src/faults/faults.ts'
import { withStepFaults } from '../../src/faults/steps.ts'
import { createHandlers, type Handlers } from '../../src/hooks/handlers.ts'
import type { Engine } from '../../src/machine/engine.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { Clock } from '../../src/upgrade/clock.ts'
import { memberObserver } from '../../src/upgrade/members.ts'
import { nodeImages } from '../../src/upgrade/node-image-pulls.ts'
import { planFor } from '../../src/upgrade/plan.ts'
import type { Progress } from '../../src/upgrade/progress.ts'
import { createUpgrades, type Upgrades } from '../../src/upgrade/upgrades.ts'
import type { Json } from '../contract/captured.ts'

export const token = 'the-token-of-the-test'

export const paths = {
  discovery: '/hooks.runtime.cluster.x-k8s.io/v1alpha1/discovery',
  canUpdateMachine: pathOf(hooks.canUpdateMachine),
  canUpdateMachineSet: pathOf(hooks.canUpdateMachineSet),
  updateMachine: pathOf(hooks.updateMachine),
}

interface Wish {
  engine?: Engine
  upgrades?: Upgrades
  handlers?: Partial<Handlers>
  token?: string
  faults?: boolean
  misbehave?: { discoveryFails?: boolean; onFault?: (name: string) => void }
  clock?: Clock
  ready?: Partial<Parameters<typeof readiness>[0]>
  // Seconds, for the log.
  now?: () => number
  tls?: Tls
  clients?: Clients
  limits?: Limits
}

export interface Served {
  app: FastifyInstance
  // All that was logged, at every level.
  log(): string
  // A request as Cluster API sends it: a body of text and no Content-Type.
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: Json }>
}

// For tests that fetch nothing.
export const sources = {
  binaries: 'download',
  binariesUrl: 'http://127.0.0.1',
  images: 'pull',
  nodeImage: 'x:{version}',
  nodeImagePull: 'forbid',
} as const

// The service as main.ts puts it together, on an engine or upgrades of the test; closed when the test has ended.
export function serve({ engine = silent(), faults = false, ...wish }: Wish = {}): Served {
  const { log, text } = recorder(wish.now)
  const { clock = stillClock(), misbehave } = wish
  const means = { allowed: faults, discoveryFails: false, clock, onFault: () => {}, ...misbehave }
  const plan = withStepFaults(planFor, means)
  const images = nodeImages({ engine, clock, log, stop: new AbortController().signal })
  const tools = { engine, members: memberObserver(engine, clock), images, sources, clock, log, plan }
  const upgrades = withCheckedFaults(wish.upgrades ?? createUpgrades(tools), faults)
  const handlers = withFaults({ ...createHandlers(upgrades, log), ...wish.handlers }, means)
  const app = buildApp({
    handlers,
    upgrades,
    token: wish.token ?? token,
    ready: readiness({ certificate: () => {}, engine: () => engine.ping(), now: () => 0, ...wish.ready }),
    metrics: createMetrics({ faultsAllowed: faults, ofProcess: false }),
    log,
    clients: wish.clients,
    ...(wish.tls ? { tls: wish.tls } : {}),
    ...(wish.limits ? { limits: wish.limits } : {}),
  })
  onTestFinished(() => app.close())
  return {
    app,
    log: text,
    async post(url, body = '', headers = {}) {
      const payload = typeof body === 'string' ? body : JSON.stringify(body)
      const answer = await app.inject({ method: 'POST', url, payload, headers })
      return { status: answer.statusCode, body: answer.json() }
    },
  }
}

// An engine that never answers anything, with the methods that a test wants to be otherwise.
export function silent(methods: Partial<Engine> = {}): Engine {
  const never = () => new Promise<never>(() => {})
  return {
    ping: never,
    inspect: never,
    list: never,
    file: never,
    exec: never,
    findImage: never,
    pull: never,
    helper: never,
    ...methods,
  }
}

// Upgrades that always are as far as the given progress, and the tasks that were requested of them.
export function upgradesAt(progress: Progress): Upgrades & { started: string[] } {
  const started: string[] = []
  return { started, start: (task) => started.push(task.container), sync: async () => progress }
}

/**
 * Time stands still: the first sleep of an upgrade is its last one. A sleep that can be ended, as a call's for news is, goes
 * to `patience` in seconds; it is over after all that can happen without an engine has happened.
 */
export function stillClock(patience: number[] = []): Clock {
  const sleep: Clock['sleep'] = async (seconds, signal) => {
    if (!signal) return new Promise(() => {})
    patience.push(seconds)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { now: () => 0, monotonic: () => 0, sleep }
}

// Time stands still unless a test moves it, so warnings that are equal are written once.
export function recorder(now = () => 0): { log: Logger; text: () => string } {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  return { log: createLog({ level: 'trace', now, stream }), text: () => text }
}
