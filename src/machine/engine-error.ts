import { UpgradeError } from '../errors/upgrade-error.ts'

/** The engine's response to a request that it refused. */
export interface EngineRefusal {
  /** The HTTP status; 0 when there was no response. */
  status: number
  /** The first line of the engine's message, without ids, which change with each request. */
  message: string
}

const longestMessage = 200
// A proxy sends these while the engine behind it is down, and the engine itself while it starts.
const unavailableStatuses = [502, 503, 504]

/** Reads the refusal from an error of dockerode, which has `statusCode` and, as `json`, the engine's response. */
export function refusalOf(thrown: unknown): EngineRefusal {
  const {
    statusCode = 0,
    message = '',
    json,
  } = thrown as {
    statusCode?: number
    message?: string
    json?: { message?: unknown } | null
  }
  const text = typeof json?.message === 'string' ? json.message : message
  const [line = ''] = text.trim().split(/[\r\n]/)
  const firstLine = line.replaceAll(/\p{Cc}/gu, ' ').replaceAll(/\b[0-9a-f]{12,64}\b/g, '<id>')
  return { status: statusCode, message: firstLine.slice(0, longestMessage) }
}

/**
 * Turns an error of dockerode into an error of the catalogue: CONTAINER_MISSING, CONTAINER_STOPPED or CONTAINER_PAUSED
 * for a container that cannot be used, ENGINE_REFUSED for other refusals, and ENGINE_UNREACHABLE for everything else,
 * such as a missing socket, a refused connection or a restart of the engine. `container` is empty where the request was
 * not about one.
 */
export function engineError(thrown: unknown, container: string): UpgradeError {
  if (thrown instanceof UpgradeError) return thrown
  const { status, message } = refusalOf(thrown)
  const options = { cause: thrown }
  // An engine forgets its execs when it restarts. The container may be fine.
  if (status === 0 || unavailableStatuses.includes(status) || message.includes('No such exec')) {
    return new UpgradeError('ENGINE_UNREACHABLE', {}, options)
  }
  const values = { name: container }
  if (container !== '' && status === 404) return new UpgradeError('CONTAINER_MISSING', values, options)
  if (container !== '' && status === 409) {
    return new UpgradeError(message.includes('is paused') ? 'CONTAINER_PAUSED' : 'CONTAINER_STOPPED', values, options)
  }
  return new UpgradeError('ENGINE_REFUSED', { status: String(status), cause: message }, options)
}
