import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'

export interface Metrics {
  // A hook's call was answered, after so many seconds.
  answered(hook: string, status: string, seconds: number): void
  text(): Promise<string>
  contentType: string
}

// What GET /metrics shows. Each call makes a set of its own: the library's default one would be shared by all.
export function createMetrics({ faultsAllowed }: { faultsAllowed: boolean }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const calls = new Counter({
    name: 'capd_kubeadm_upgrader_hook_calls_total',
    help: 'Calls of hooks that were answered, by hook and by the status of the answer.',
    labelNames: ['hook', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'capd_kubeadm_upgrader_hook_duration_seconds',
    help: 'Time until the call of a hook was answered.',
    labelNames: ['hook'],
    // Cluster API gives a call 10 s unless discovery says otherwise.
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10],
    registers,
  })
  const faults = new Gauge({
    name: 'capd_kubeadm_upgrader_faults_allowed',
    help: '1 where the setting "fault" may ask for misbehaviour, else 0.',
    registers,
  })
  faults.set(faultsAllowed ? 1 : 0)
  return {
    answered(hook, status, seconds) {
      calls.inc({ hook, status })
      durations.observe({ hook }, seconds)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
