import { parseArgs } from 'node:util'
import { readAssignments } from './cli/assignments.ts'
import { abortOnInterrupt, interruptedExitCode } from './cli/interrupt.ts'
import { offline } from './player/offline.ts'
import { play } from './player/play.ts'
import { heading } from './player/report.ts'
import { onStage } from './player/stage.ts'
import type { Role } from './witness/role.ts'

const roles: readonly Role[] = ['control-plane', 'worker']

const usage = `Usage: npm run demo [-- options]

Upgrades a control plane machine and a worker machine of the lab in place, through the hooks of Cluster API. Brings up the
lab, starts the service, sends the requests of Cluster API's controllers, and compares the machines before and after with
docker and kubectl. Exit code 0 when every check passed, else 1 with the reasons.

  --fresh         start with new machines of the old version
  --only ROLE     upgrade only the control-plane machine, or only the worker
  --offline       take programs and images from the node image, with the machines cut off from all but each other
  --fault NAME    let the service misbehave (done-too-early): the demo must then fail
  --set KEY=VALUE a setting of the ExtensionConfig, for example exchange=one-by-one; may be repeated
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

const interrupted = abortOnInterrupt()
process.exitCode = await main(process.argv.slice(2))

interface DemoOptions {
  fresh: boolean
  offline: boolean
  only?: string
  fault?: string
  settings: Record<string, string>
}

async function main(args: string[]): Promise<number> {
  const given = readArguments(args)
  if (typeof given === 'number') return given
  try {
    return (await runDemo(given)) ? 0 : 1
  } catch (thrown) {
    if (!interrupted.aborted) {
      console.error(`\n${(thrown as Error).message}`)
      return 1
    }
    console.error('\nStopped. An update that has started continues in its machine; run the demo again to finish it.')
    return interruptedExitCode
  }
}

// Returns the options, or the exit code.
function readArguments(args: string[]): DemoOptions | number {
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

// Returns whether every check passed.
async function runDemo({ fresh, offline: isOffline, only, fault, settings: given }: DemoOptions): Promise<boolean> {
  console.log(heading('The lab'))
  const environment = {
    UPGRADER_FAULTS: fault ? 'allow' : 'refuse',
    UPGRADER_BINARIES: isOffline ? 'node-image' : 'download',
  }
  const settings: Record<string, string> = { ...given, ...(fault ? { fault } : {}) }
  return onStage({ fresh, environment }, async (stage) => {
    const chosen = roles.filter((role) => !only || only === role)
    const run = () => play(stage, chosen, { settings, signal: interrupted })
    return isOffline ? offline(stage, run) : run()
  })
}
