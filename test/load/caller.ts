import type { Agent } from 'undici'
import { callOver, connectionsTo, type HttpResponse } from '../../e2e/player/call.ts'
import { hooks, pathOf } from '../../src/contract/catalogue.ts'
import { type ServiceProcess, token } from './processes.ts'

export const paths = { update: pathOf(hooks.updateMachine), canUpdate: pathOf(hooks.canUpdateMachine) }

/** What UpdateMachine reports of a machine; zero seconds where its update is done. */
export interface Progress {
  message: string
  retryAfterSeconds: number
}

// How long a step takes depends on what else the computer does.
const ofSlowness = '(STEP_TIME_LIMIT)'

/**
 * The progress in an answer of UpdateMachine. Throws where it is a Failure, but not where a step has reached its time
 * limit: Cluster API calls again, and the service tries again.
 */
export function progressIn({ status, body }: HttpResponse): Progress {
  const answer = JSON.parse(body)
  if (status === 200 && answer.status === 'Success') return answer
  if (status === 200 && answer.message.endsWith(ofSlowness)) return { message: answer.message, retryAfterSeconds: 5 }
  throw new Error(`UpdateMachine: ${status} ${body}`)
}

/** Calls the service over connections that stay open, as Cluster API does. */
export class Caller {
  readonly #service: Pick<ServiceProcess, 'port' | 'ca'>
  readonly #agent: Agent

  constructor(service: Pick<ServiceProcess, 'port' | 'ca'>, connections: number) {
    this.#service = service
    this.#agent = connectionsTo(service, connections)
  }

  /** Rejects where there is no answer within five minutes. */
  call(method: string, path: string, body?: string | Buffer): Promise<HttpResponse> {
    const headers = { authorization: `Bearer ${token}` }
    const url = `https://localhost:${this.#service.port}`
    return callOver(this.#agent, url, { method, path, body, headers, limitSeconds: 300 })
  }

  /** The progress in the answer of UpdateMachine. Throws what `progressIn` throws. */
  async update(body: string): Promise<Progress> {
    return progressIn(await this.call('POST', paths.update, body))
  }

  close(): void {
    void this.#agent.destroy()
  }
}
