import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../metrics.ts'

interface MetricsRouteOptions {
  metrics: Metrics
}

/** The route GET /metrics, in Prometheus' text format. */
export async function metricsRoute(app: FastifyInstance, { metrics }: MetricsRouteOptions): Promise<void> {
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
}
