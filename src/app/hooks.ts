import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Answer, failure } from '../contract/answers.ts'
import { discoveryPath, hooks, pathOf } from '../contract/catalogue.ts'
import type { Handlers } from '../hooks/handlers.ts'
import type { Metrics } from '../metrics.ts'
import { textOf } from './bodies.ts'
import { asCoded, logged } from './problems.ts'

interface Parts {
  handlers: Handlers<Answer | Response>
  metrics: Metrics
}

/** The routes that Cluster API calls: discovery and the hooks. */
export async function hookRoutes(app: FastifyInstance, { handlers, metrics }: Parts): Promise<void> {
  app.post(discoveryPath, { preSerialization: counted('Discovery') }, async () => handlers.discovery(''))
  for (const [key, entry] of Object.entries(hooks)) {
    const handler = handlers[key as keyof typeof hooks]
    app.post(pathOf(entry), {
      preSerialization: counted(entry.hook),
      handler: async (request) => handler(textOf(request)),
      // A Failure goes with status 200: Cluster API makes an error of any other, with the first 512 bytes of the body.
      errorHandler: (thrown, request, reply) => {
        reply.code(200).send(failure(entry.hook, logged(asCoded(thrown), request)))
      },
    })
  }

  function counted(hook: string) {
    return async (_request: FastifyRequest, reply: FastifyReply, answer: unknown) => {
      metrics.answered(hook, (answer as Answer).status, reply.elapsedTime / 1000)
      return answer
    }
  }
}
