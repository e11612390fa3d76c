import type { FastifyInstance, FastifyRequest } from 'fastify'

// The limit of CAPI's own server (exp/runtime/server/server.go).
const bodyLimit = 20 * 1024 * 1024

/** Keeps each body as text, whatever its Content-Type: Cluster API sends none, people send any, broken ones too. */
export function keepBodiesAsText(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }) => {
    delete raw.headers['content-type']
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit }, (_request, body, done) => done(null, body))
}

/** The text of the body; empty where there is none, which then is not JSON. */
export function textOf(request: FastifyRequest): string {
  return typeof request.body === 'string' ? request.body : ''
}
