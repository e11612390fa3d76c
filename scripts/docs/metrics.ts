import { createMetrics } from '../../src/metrics.ts'
import { heading, table } from './table.ts'

/** The page about /metrics: every metric of the service, with its type and its help text. */
export async function metricsPage(): Promise<string> {
  const text = await createMetrics({ faultsAllowed: false, ofProcess: false }).text()
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]))
  const rows = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name = '', help = '']) => [
    `\`${name}\``,
    types.get(name) ?? '',
    help,
  ])
  return `${heading('Metrics', 'src/metrics.ts')}

\`GET /metrics\` on the port of the hooks, in Prometheus' text format. It needs no client certificate. Durations are in seconds.

${table(['Metric', 'Type', 'Meaning'], rows)}

The figures of the process are there too: memory, CPU, event loop and descriptors, with the names that Prometheus clients for
Node.js use (\`process_…\`, \`nodejs_…\`).

Every figure belongs to one process: with two replicas, add them up. An upgrade that another replica finishes is counted there.
[How to read the metrics in a cluster](../how-to/management-cluster.md#metrics).
`
}
