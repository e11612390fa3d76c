import { UpgradeError } from '../errors/upgrade-error.ts'

/** What the engine answered to a request that it refused. */
export interface EngineRefusal {
  // The HTTP status; 0 when there was no answer.
  status: number
  // The first line of the engine's own words, without ids, which change with each request.
  words: string
}

const wordsLimit = 200
// These are a proxy's in front of an engine that is away, or the engine's own while it starts.
const awayStatuses = [502, 503, 504]

/** The refusal in what dockerode has thrown: its errors carry `statusCode` and, as `json`, the engine's answer. */
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
  const said = typeof json?.message === 'string' ? json.message : message
  const [line = ''] = said.trim().split(/[\r\n]/)
  const words = line.replaceAll(/\p{Cc}/gu, ' ').replaceAll(/\b[0-9a-f]{12,64}\b/g, '<id>')
  return { status: statusCode, words: words.slice(0, wordsLimit) }
}

/**
 * What dockerode has thrown, as a coded error: CONTAINER_… for a container that cannot be used, ENGINE_REFUSED for the
 * engine's other refusals, and everything else (socket gone, connection refused, engine restarting) as
 * ENGINE_UNREACHABLE. The container is empty where the request was not about one.
 */
export function engineError(thrown: unknown, container: string): UpgradeError {
  if (thrown instanceof UpgradeError) return thrown
  const { status, words } = refusalOf(thrown)
  const options = { cause: thrown }
  // An engine that was restarted has forgotten its execs; that says nothing of the container.
  if (status === 0 || awayStatuses.includes(status) || words.includes('No such exec')) {
    return new UpgradeError('ENGINE_UNREACHABLE', {}, options)
  }
  const values = { name: container }
  if (container !== '' && status === 404) return new UpgradeError('CONTAINER_MISSING', values, options)
  if (container !== '' && status === 409) {
    return new UpgradeError(words.includes('is paused') ? 'CONTAINER_PAUSED' : 'CONTAINER_STOPPED', values, options)
  }
  return new UpgradeError('ENGINE_REFUSED', { status: String(status), cause: words }, options)
}
