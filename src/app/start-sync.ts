import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { answerStart } from '../api/start.ts'
import { answerSync } from '../api/sync.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'
import type { Clients } from './clients.ts'
import { textOf } from './request-text.ts'

interface StartSyncOptions {
  upgrades: Upgrades
  token: string
  clients: Clients | undefined
}

/** The routes of start and sync. They require the bearer token, and a client certificate where hooks require one. */
export async function startSyncRoutes(
  app: FastifyInstance,
  { upgrades, token, clients }: StartSyncOptions,
): Promise<void> {
  app.addHook('onRequest', async (request) => clients?.check(request))
  app.addHook('onRequest', bearer(token))
  app.post('/v1/start', async (request, reply) => reply.code(202).send(answerStart(textOf(request), upgrades)))
  app.post('/v1/sync', async (request) => answerSync(textOf(request), upgrades))
}

function bearer(token: string) {
  const wanted = Buffer.from(`Bearer ${token}`)
  return async (request: FastifyRequest) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new UpgradeError('TOKEN_WRONG')
  }
}
