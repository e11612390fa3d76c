import type { FastifyInstance } from 'fastify'
import { coded } from '../errors/upgrade-error.ts'
import { logged } from './problems.ts'

interface Parts {
  ready: () => Promise<void>
}

/** The kubelet's probes: /healthz while the process runs, /readyz while the service can work. */
export async function healthRoutes(app: FastifyInstance, { ready }: Parts): Promise<void> {
  app.get('/healthz', async () => 'ok')
  // Probes come every few seconds and do not show their answer: the log has each reason once.
  let unready = ''
  app.get('/readyz', async (request, reply) => {
    const error = await ready().then(() => undefined, coded)
    if (error && error.message !== unready) logged(error, request)
    unready = error?.message ?? ''
    return error ? reply.code(503).send(`${error.message}\n`) : 'ok'
  })
}
