import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import { hooks, pathOf } from '../../src/contract/catalogue.ts'
import { type ServiceProcess, token } from './processes.ts'

export const paths = { update: pathOf(hooks.updateMachine), canUpdate: pathOf(hooks.canUpdateMachine) }

export interface Answer {
  status: number
  body: string
}

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
export function progressIn({ status, body }: Answer): Progress {
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
    this.#agent = new Agent({ keepAlive: connections > 0, maxSockets: connections || 1 })
  }

  /** Rejects where there is no answer within five minutes. */
  call(method: string, path: string, body?: string | Buffer): Promise<Answer> {
    const { port, ca } = this.#service
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    return new Promise((resolve, reject) => {
      const call = request({
        agent: this.#agent,
        host: 'localhost',
        port,
        ca,
        method,
        path,
        headers: { ...length, authorization: `Bearer ${token}` },
        timeout: 300_000,
      })
      call.on('response', (response) =>
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject),
      )
      call.on('timeout', () => call.destroy(new Error(`no answer from ${path} within five minutes`)))
      call.on('error', reject)
      call.end(body)
    })
  }

  /** The progress in the answer of UpdateMachine. Throws what `progressIn` throws. */
  async update(body: string): Promise<Progress> {
    return progressIn(await this.call('POST', paths.update, body))
  }

  close(): void {
    this.#agent.destroy()
  }
}
