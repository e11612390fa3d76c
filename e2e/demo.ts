import { parseArgs } from 'node:util'
import { readAssignments } from './cli/assignments.ts'
import { offline } from './player/offline.ts'
import { play } from './player/play.ts'
import { heading } from './player/report.ts'
import { onStage } from './player/stage.ts'
import type { Role } from './witness/role.ts'

const roles: readonly Role[] = ['control-plane', 'worker']

const usage = `Usage: npm run demo [-- options]

Upgrades a real control plane machine and a real worker machine in place, through the hooks of Cluster API:
brings up the lab where it is not, starts the service, plays Cluster API's part, and lets a verifier of its own
compare the machines before and after. Exit code 0 when every check passed, else 1 with the reasons.

  --fresh         begin with new machines of the old version
  --only ROLE     upgrade only the control-plane machine, or only the worker
  --offline       take programs and images from the node image, with the machines cut off from all but each other
  --fault NAME    let the service misbehave (done-too-early): the demo must then fail
  --set KEY=VALUE a setting of the ExtensionConfig, for instance exchange=one-by-one; may be given more than once
  --help          show this
`

const options = {
  fresh: { type: 'boolean', default: false },
  only: { type: 'string' },
  offline: { type: 'boolean', default: false },
  fault: { type: 'string' },
  set: { type: 'string', multiple: true },
  help: { type: 'boolean' },
} as const

const interrupted = new AbortController()
// Not only once: execa, too, looks for these signals, and ends the process where nobody else seems to. The second time
// is taken at its word.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => (interrupted.signal.aborted ? process.exit(130) : interrupted.abort()))
process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const asked = readArguments(args)
  if (typeof asked === 'number') return asked
  try {
    return (await perform(asked)) ? 0 : 1
  } catch (thrown) {
    if (!interrupted.signal.aborted) {
      console.error(`\n${(thrown as Error).message}`)
      return 1
    }
    console.error('\nStopped. What a machine is doing goes on in it; run the demo again to see it to its end.')
    return 130
  }
}

function readArguments(args: string[]) {
  try {
    const { values } = parseArgs({ args, options })
    if (values.help) {
      console.log(usage)
      return 0
    }
    const settings = readAssignments(values.set ?? [])
    if (values.only && !roles.includes(values.only as Role)) throw new Error(`--only takes ${roles.join(' or ')}`)
    return { ...values, settings }
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${usage}`)
    return 2
  }
}

interface Asked {
  fresh: boolean
  offline: boolean
  only?: string
  fault?: string
  settings: Record<string, string>
}

// Sets the stage, plays, and clears it. True when the verifier has nothing against the machines.
async function perform(asked: Asked): Promise<boolean> {
  console.log(heading('The lab'))
  const environment = {
    UPGRADER_FAULTS: asked.fault ? 'allow' : 'refuse',
    UPGRADER_BINARIES: asked.offline ? 'node-image' : 'download',
  }
  const settings: Record<string, string> = { ...asked.settings, ...(asked.fault ? { fault: asked.fault } : {}) }
  return onStage({ fresh: asked.fresh, environment }, async (stage) => {
    const chosen = roles.filter((role) => !asked.only || asked.only === role)
    const run = () => play(stage, chosen, { settings, signal: interrupted.signal })
    return asked.offline ? offline(stage, run) : run()
  })
}
