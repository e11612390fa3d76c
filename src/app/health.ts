import type { FastifyInstance } from 'fastify'
import { coded } from '../errors/upgrade-error.ts'
import { logged } from './problems.ts'

interface HealthOptions {
  ready: () => Promise<void>
}

/** The routes of the kubelet's probes: /healthz succeeds while the process runs, /readyz while the service is ready. */
export async function healthRoutes(app: FastifyInstance, { ready }: HealthOptions): Promise<void> {
  app.get('/healthz', async () => 'ok')
  // Each reason is logged once: probes are frequent, and the kubelet does not show the response.
  let unready = ''
  app.get('/readyz', async (request, reply) => {
    const error = await ready().then(() => undefined, coded)
    if (error && error.message !== unready) logged(error, request)
    unready = error?.message ?? ''
    return error ? reply.code(503).send(`${error.message}\n`) : 'ok'
  })
}
