import { InvalidArgumentError, Option } from 'commander'
import { ActionFailed, commandLine, exitCodeOf } from '../scripts/host/command-line.ts'
import { readAssignments } from './cli/assignments.ts'
import { abortOnInterrupt, interruptedExitCode } from './cli/interrupt.ts'
import { offline } from './player/offline.ts'
import { play } from './player/play.ts'
import { heading } from './player/report.ts'
import { onStage } from './player/stage.ts'
import type { Role } from './witness/role.ts'

const roles: readonly Role[] = ['control-plane', 'worker']

const program = commandLine('npm run demo --')
  .description(
    'Upgrades a control plane machine and a worker machine of the lab in place, through the hooks of Cluster API. Brings up the ' +
      "lab, starts the service, sends the requests of Cluster API's controllers, and compares the machines before and after with " +
      'docker and kubectl. Exit code 0 when every check passed, else 1 with the reasons.',
  )
  .option('--fresh', 'start with new machines of the old version')
  .addOption(new Option('--only <role>', 'upgrade only the control plane machine, or only the worker').choices(roles))
  .option(
    '--offline',
    'take programs and images from the node image, with the machines cut off from all but each other',
  )
  .option('--fault <name>', 'let the service misbehave (done-too-early): the demo must then fail')
  .option(
    '--set <key=value>',
    'a setting of the ExtensionConfig, for example exchange=one-by-one; may be repeated',
    addSetting,
  )
  .action(demo)

const interrupted = abortOnInterrupt()
process.exitCode = await exitCodeOf(program, process.argv.slice(2))

interface DemoOptions {
  fresh?: boolean
  offline?: boolean
  only?: string
  fault?: string
  set?: Record<string, string>
}

async function demo(options: DemoOptions): Promise<void> {
  const hasPassed = await runDemo(options).catch((thrown: Error) => {
    if (!interrupted.aborted) {
      console.error(`\n${thrown.message}`)
      return false
    }
    console.error('\nStopped. An update that has started continues in its machine; run the demo again to finish it.')
    throw new ActionFailed(interruptedExitCode)
  })
  if (!hasPassed) throw new ActionFailed()
}

function addSetting(word: string, settings: Record<string, string> = {}): Record<string, string> {
  try {
    return { ...settings, ...readAssignments([word]) }
  } catch (thrown) {
    throw new InvalidArgumentError((thrown as Error).message)
  }
}

// Returns whether every check passed.
async function runDemo({
  fresh = false,
  offline: isOffline = false,
  only,
  fault,
  set = {},
}: DemoOptions): Promise<boolean> {
  console.log(heading('The lab'))
  const environment = {
    UPGRADER_FAULTS: fault ? 'allow' : 'refuse',
    UPGRADER_BINARIES: isOffline ? 'node-image' : 'download',
  }
  const settings: Record<string, string> = { ...set, ...(fault ? { fault } : {}) }
  return onStage({ fresh, environment }, async (stage) => {
    const chosen = roles.filter((role) => !only || only === role)
    const run = () => play(stage, chosen, { settings, signal: interrupted })
    return isOffline ? offline(stage, run) : run()
  })
}
