import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'

/** The metrics of the service, for GET /metrics. Durations are in seconds. */
export interface Metrics {
  /** Counts the response to a call of a hook; `status` is Success or Failure. */
  answered(hook: string, status: string, seconds: number): void
  /** Counts a request that was refused with an HTTP error status. */
  refused(code: string): void
  /** Counts the end of an upgrade; `code` is the code of the error, empty where there is none. */
  upgradeEnded(result: 'done' | 'failed', code: string): void
  /** Records the duration of a step. */
  stepEnded(step: string, seconds: number): void
  /** Sets the number of upgrades that are running in this process. */
  upgradesInFlight(count: number): void
  /** Records an exec: its exit code was 0 (`ok`) or not (`failed`), or it did not start or was ended (`error`). */
  execEnded(outcome: 'ok' | 'failed' | 'error', seconds: number): void
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>
  contentType: string
}

interface MetricsOptions {
  faultsAllowed: boolean
  /** True to include metrics of the process: memory, CPU, event loop, descriptors. */
  ofProcess: boolean
}

const prefix = 'capd_kubeadm_upgrader_'

/** Creates metrics with a registry of their own: the library's default registry is shared by the whole process. */
export function createMetrics({ faultsAllowed, ofProcess }: MetricsOptions): Metrics {
  const registry = new Registry()
  if (ofProcess) collectDefaultMetrics({ register: registry })
  const faults = gauge(
    registry,
    'faults_allowed',
    '1 where calls may request fault injection by the setting "fault", else 0.',
  )
  faults.set(faultsAllowed ? 1 : 0)
  return {
    ...ofRequests(registry),
    ...ofUpgrades(registry),
    ...ofExecs(registry),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function ofRequests(registry: Registry): Pick<Metrics, 'answered' | 'refused'> {
  const calls = counter(
    registry,
    'hook_calls_total',
    'Calls of hooks that were answered, by hook and by the status of the answer.',
    ['hook', 'status'],
  )
  // Discovery declares a timeout of 10 s.
  const durations = histogram(
    registry,
    'hook_duration_seconds',
    'Time until the call of a hook was answered, by hook.',
    ['hook'],
    [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10],
  )
  const refusals = counter(
    registry,
    'requests_refused_total',
    'Requests that were answered with an HTTP status of 400 or more, by the code of the error.',
    ['code'],
  )
  return {
    answered(hook, status, seconds) {
      calls.inc({ hook, status })
      durations.observe({ hook }, seconds)
    },
    refused: (code) => refusals.inc({ code }),
  }
}

function ofUpgrades(registry: Registry): Pick<Metrics, 'upgradeEnded' | 'stepEnded' | 'upgradesInFlight'> {
  const ended = counter(
    registry,
    'upgrades_total',
    'Upgrades that ended in this process, by result (done, failed) and by the code of the error.',
    ['result', 'code'],
  )
  // From steps without work to the two hours for which a worker waits for API servers.
  const durations = histogram(
    registry,
    'step_duration_seconds',
    'Time that a step of an upgrade took, by step.',
    ['step'],
    [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 7200],
  )
  const inFlight = gauge(registry, 'upgrades_in_flight', 'Upgrades that are running in this process.')
  return {
    upgradeEnded: (result, code) => ended.inc({ result, code }),
    stepEnded: (step, seconds) => durations.observe({ step }, seconds),
    upgradesInFlight: (count) => inFlight.set(count),
  }
}

function ofExecs(registry: Registry): Pick<Metrics, 'execEnded'> {
  const execs = counter(
    registry,
    'execs_total',
    'Commands in machines, by outcome: ok (exit code 0), failed (another exit code), error (it did not start or was ended).',
    ['outcome'],
  )
  // The default timeout of an exec is 30 s.
  const durations = histogram(
    registry,
    'exec_duration_seconds',
    'Time until a command in a machine ended.',
    [],
    [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60],
  )
  return {
    execEnded(outcome, seconds) {
      execs.inc({ outcome })
      durations.observe(seconds)
    },
  }
}

function counter<Label extends string>(registry: Registry, name: string, help: string, labelNames: Label[]) {
  return new Counter({ name: `${prefix}${name}`, help, labelNames, registers: [registry] })
}

function gauge(registry: Registry, name: string, help: string) {
  return new Gauge({ name: `${prefix}${name}`, help, registers: [registry] })
}

function histogram<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Label[],
  buckets: number[],
) {
  return new Histogram({ name: `${prefix}${name}`, help, labelNames, buckets, registers: [registry] })
}
