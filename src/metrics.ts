import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'

/** What GET /metrics shows, and how the service adds to it. Durations are in seconds. */
export interface Metrics {
  /** A hook's call was answered; `status` is Success or Failure. */
  answered(hook: string, status: string, seconds: number): void
  /** A request was refused before it came to a hook, to start or to sync, or by one of these two. */
  refused(code: string): void
  /** An upgrade ended; `code` is the error's, empty where there is none. */
  upgradeEnded(result: 'done' | 'failed', code: string): void
  stepEnded(step: string, seconds: number): void
  /** How many upgrades are under way in this process now. */
  upgradesInFlight(count: number): void
  /** A command in a machine ended with 0 (`ok`) or not (`failed`), or did not come to an end of its own (`error`). */
  execEnded(outcome: 'ok' | 'failed' | 'error', seconds: number): void
  /** All of it in Prometheus' text format. */
  text(): Promise<string>
  contentType: string
}

interface Options {
  faultsAllowed: boolean
  /** Whether the figures of the process (memory, CPU, event loop, descriptors) are among them. */
  ofProcess: boolean
}

const prefix = 'capd_kubeadm_upgrader_'

/** Makes a set of metrics of its own: the library's usual one would be shared by all services of a process. */
export function createMetrics({ faultsAllowed, ofProcess }: Options): Metrics {
  const registry = new Registry()
  if (ofProcess) collectDefaultMetrics({ register: registry })
  const faults = gauge(registry, 'faults_allowed', '1 where the setting "fault" may ask for misbehaviour, else 0.')
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
  // Cluster API gives a call 10 s unless discovery says otherwise.
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
  // From a look at a machine that has nothing to do to the two hours that a worker waits for API servers.
  const durations = histogram(
    registry,
    'step_duration_seconds',
    'Time that a step of an upgrade took, by step.',
    ['step'],
    [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 7200],
  )
  const inFlight = gauge(registry, 'upgrades_in_flight', 'Upgrades that are under way in this process.')
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
    'Commands in machines, by outcome: ok (exit code 0), failed (another one), error (it did not start or was ended).',
    ['outcome'],
  )
  // An exec ends after 30 s unless its step says otherwise.
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
