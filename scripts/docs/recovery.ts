import { existsSync, readFileSync } from 'node:fs'
import { heading, table } from './table.ts'

/** One upgrade with one fault, on simulated machines. */
interface Simulated {
  role: 'control-plane' | 'worker'
  images: 'node-image' | 'pull'
  /** How the static pods of a control plane machine are exchanged. One by one where it is not given. */
  exchange?: 'together' | 'one-by-one'
  step: string
  boundary: string
  fault: string
  /** From the beginning of the fault until the upgrade is done. */
  seconds: number
  /** Codes of the failures that were reported on the way. */
  failures: string[]
}

/** One upgrade with one fault, on real machines. */
interface Real {
  role: string
  step: string
  boundary: string
  fault: string
  result: string
  seconds: number
  /** How the static pods of a control plane machine were exchanged. One by one where it is not given. */
  exchange?: 'together' | 'one-by-one'
  /** How many control plane machines the cluster had; one where it is not given. */
  members?: number
}

const simulatedFile = 'docs/reference/recovery.simulated.gen.json'
const realFile = 'docs/reference/recovery.real.json'
const roles = { 'control-plane': 'Control plane machine', worker: 'Worker' }
const ways = { 'node-image': 'images from the node image', pull: 'images pulled' }
const exchanges = { 'one-by-one': '', together: ', static pods exchanged together' }

/** The page docs/reference/recovery.md: what each fault costs at each boundary of each step. */
export function recoveryPage(): string {
  const rows = read<Simulated>(simulatedFile)
  const faults = [...new Set(rows.map(({ fault }) => fault))]
  return `${heading('Recovery', `${simulatedFile} and ${realFile}`)}

What happens to an upgrade when something breaks. Each fault begins *before* a step makes its change, *during* the change, or *after* its
effect, before the service has observed it. For a step that only waits, *before* is the beginning of the wait and *after* its end.
\`begin\` and \`done\` are the first and the last entry of the attempt's record.

Polling continues, as Cluster API does it. Every one of these upgrades reaches its target within ten minutes, nothing that must run once
runs twice, and nothing is left behind.

- **all processes killed**: with \`kill -9\`; another one starts after 5 s.
- **one of two replicas killed**: the one that makes the change; it is back after 60 s.
- **unit killed**: the process in the machine that does the work of the step, halfway.
- **container restarted**: the machine stops with everything that runs in it, and is back after 5 s.
- **disk full**, **network cut**, **engine away**: for 60 s.

## On simulated machines

\`test/upgrade/recovery.test.ts\` runs these ${rows.length} upgrades. A cell has the seconds of simulated time from the beginning of the
fault until the upgrade is done, and the code of a failure that was reported before the upgrade was tried again. A dash means that there
is no such moment.

${sections(rows, faults)}
${realPart()}`
}

function sections(rows: Simulated[], faults: string[]): string {
  const parts: string[] = []
  for (const [role, roleName] of Object.entries(roles)) {
    for (const [way, wayName] of Object.entries(ways)) {
      for (const [exchange, exchangeName] of Object.entries(exchanges)) {
        const these = rows.filter((row) => row.role === role && row.images === way && exchangeOf(row) === exchange)
        if (these.length === 0) continue
        const lines = linesOf(these, faults)
        parts.push(`### ${roleName}, ${wayName}${exchangeName}\n\n${table(['Step', 'Boundary', ...faults], lines)}\n`)
      }
    }
  }
  return parts.join('\n')
}

function exchangeOf({ exchange = 'one-by-one' }: Simulated): string {
  return exchange
}

function linesOf(rows: Simulated[], faults: string[]): string[][] {
  const lines = new Map<string, string[]>()
  for (const { step, boundary, fault, seconds, failures } of rows) {
    const name = `${step} ${boundary}`
    const line = lines.get(name) ?? [`\`${step}\``, boundary, ...faults.map(() => '–')]
    const codes = failures.map((code) => ` \`${code}\``)
    line[faults.indexOf(fault) + 2] = `${seconds} s${codes.join('')}`
    lines.set(name, line)
  }
  return [...lines.values()]
}

function realPart(): string {
  if (!existsSync(fileOf(realFile))) return ''
  const cells = read<Real>(realFile).map(({ role, step, boundary, fault, result, seconds, exchange, members = 1 }) => [
    members > 1 ? `${role}, one of ${members}` : role,
    role === 'worker' ? '–' : exchange === 'together' ? 'together' : 'one by one',
    `\`${step}\``,
    boundary,
    fault,
    result,
    `${seconds} s`,
  ])
  return `
## On real machines

\`npm run e2e -- recovery\` runs these. Besides the boundaries above there are moments inside \`prepare\` and \`exchange\`: after the
certificates were renewed, after the kubelet or a static pod has ended, after a manifest or a program was renamed. The step's unit is
suspended while the fault begins. **broken-argument** gives the new API server an argument that does not exist, and
**broken-kubelet** gives the new kubelet a configuration that it cannot read. The previous version has to come back and become
Ready, and the upgrade has to succeed once the cause is gone. With three control plane machines there are two more: **member-kill** kills
another one for 20 s, **balancer-stop** the load balancer for 15 s.

${table(['Machine', 'Static pods', 'Step', 'Boundary', 'Fault', 'Result', 'Time'], cells)}
`
}

function read<Row>(name: string): Row[] {
  return JSON.parse(readFileSync(fileOf(name), 'utf8'))
}

function fileOf(name: string): URL {
  return new URL(`../../${name}`, import.meta.url)
}
