import { UpgradeError } from '../errors/upgrade-error.ts'

// What dockerode throws, as a coded error: Docker's status codes for a container that cannot be used, and
// everything else (socket gone, connection refused, engine restarting) as the engine not answering.
export function engineError(thrown: unknown, container: string): UpgradeError {
  if (thrown instanceof UpgradeError) return thrown
  const { statusCode, message = '' } = thrown as { statusCode?: number; message?: string }
  const values = { name: container }
  // An engine that was restarted has forgotten its execs; that says nothing of the container.
  if (statusCode === 404 && !message.includes('No such exec')) {
    return new UpgradeError('CONTAINER_MISSING', values, { cause: thrown })
  }
  // dockerode puts "container stopped/paused" before the engine's own words.
  if (statusCode === 409 && message.includes('is paused')) {
    return new UpgradeError('CONTAINER_PAUSED', values, { cause: thrown })
  }
  if (statusCode === 409) return new UpgradeError('CONTAINER_STOPPED', values, { cause: thrown })
  return new UpgradeError('ENGINE_UNREACHABLE', {}, { cause: thrown })
}
