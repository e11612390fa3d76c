import rows from '../../docs/recovery.real.json' with { type: 'json' }
import { heading, table } from './table.ts'

/** docs/recovery.md: what was broken in upgrades of real machines, and what became of them. */
export function recoveryPage(): string {
  const cells = rows.map(({ role, step, boundary, fault, result, seconds, hit }) => [
    role,
    `\`${step}\`, ${boundary}`,
    fault,
    result,
    String(seconds),
    hit,
  ])
  const count = (role: string) => rows.filter((row) => row.role === role).length
  return `${heading('Recovery', 'docs/recovery.real.json')}

\`npm run e2e -- recovery\` breaks one thing in an upgrade of a real machine, ends the fault, and goes on calling for at most
ten minutes. Then it reads the machine: the kubelet's own process, the manifests and what runs of them, the Node, how often
each unit started, and what is left behind. A machine has to be at one version and Ready.

${count('control-plane')} rows on control plane machines and ${count('worker')} on workers are recorded here by \`--record\`. Rows that name others in the
last column shared an upgrade with them. Seconds count from the fault to the end, on two cores with much other work: they
show that it ends, not how fast it is.

${table(['Machine', 'Step', 'Fault', 'Result', 'Seconds', 'What was hit, as the machine showed it'], cells)}
`
}
