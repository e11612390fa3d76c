import type { Logger } from 'pino'
import type { ExecEvent } from './machine/docker-exec.ts'
import type { Metrics } from './metrics.ts'

/** Returns a listener that logs each exec at the level debug and counts it. */
export function execReporter(log: Logger, metrics: Pick<Metrics, 'execEnded'>): (event: ExecEvent) => void {
  return (event) => {
    const { container, command, seconds, exitCode, error } = event
    log.debug({ container, command, seconds, exitCode, code: error }, 'a command in a machine ended')
    metrics.execEnded(outcomeOf(event), seconds)
  }
}

function outcomeOf({ exitCode, error }: ExecEvent): 'ok' | 'failed' | 'error' {
  if (error !== undefined) return 'error'
  return exitCode === 0 ? 'ok' : 'failed'
}
