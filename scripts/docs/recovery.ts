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

What becomes of an upgrade that meets a fault. A fault begins before a step makes its change, during it, or right after its
effect and before that has been seen. Of a step that only looks and waits, *before* is the beginning of the wait and *after* its
end. \`begin\` and \`done\` are the two ends of the attempt's record.

Polling goes on, as Cluster API does it. Every one of these upgrades comes to its end within ten minutes; nothing that must
not run twice does, and nothing is left behind.

- **all processes killed**: with \`kill -9\`; another one starts after 5 s.
- **one of two replicas killed**: the one that makes the change; it comes back after 60 s.
- **unit killed**: the process in the machine that does the work of the step, half way.
- **container restarted**: the machine stops, with all that runs in it, and is there again after 5 s.
- **disk full**, **network cut**, **engine away**: for 60 s.

## On simulated machines

Made by \`test/upgrade/recovery.test.ts\`: ${rows.length} upgrades. A cell has the seconds of simulated time from the
beginning of the fault until the upgrade is done, and the code of a failure that was reported before the upgrade was tried again.
A dash: there is no such moment.

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

Played by \`npm run e2e -- recovery\`. Besides the boundaries above there are moments inside of \`prepare\` and \`exchange\`: once
the certificates are renewed, once the kubelet or a static pod has ended, once a manifest or a program is renamed. The step's
unit stands still while the fault begins. **broken-argument** gives the new API server an argument that does not exist, and
**broken-kubelet** the new kubelet a configuration that it cannot read: everything from before has to come back and get Ready,
and the upgrade to go through once the argument is gone. With three control plane machines there are more: **member-kill** kills
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
