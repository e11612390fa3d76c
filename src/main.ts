import { parseArgs, styleText } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { buildApp } from './app.ts'
import { type Config, readConfig, variables } from './config.ts'
import { withFaults } from './faults/faults.ts'
import { createHandlers } from './hooks/handlers.ts'
import { dockerEngine } from './machine/docker-engine.ts'
import { systemClock } from './upgrade/clock.ts'
import { createUpgrades } from './upgrade/upgrades.ts'

const usage = `Usage: node src/main.ts [--help]

Answers Cluster API's in-place update hooks over HTTPS and upgrades kubeadm machines of the Docker provider.
It is configured by the environment:

${Object.entries(variables)
  .map(([name, { default: value, meaning }]) => `  ${name}\n      ${meaning}${value ? ` Default: ${value}` : ''}`)
  .join('\n')}
`

await main()

async function main(): Promise<void> {
  const config = prepare()
  const log = pino({ level: config.logLevel })
  if (config.faults) log.warn('MISBEHAVIOUR IS ALLOWED: the setting "fault" is heeded. This is for tests only.')
  const engine = dockerEngine()
  const stop = new AbortController()
  const upgrades = createUpgrades({ engine, sources: config.sources, clock: systemClock(stop.signal), log })
  const handlers = withFaults(createHandlers(upgrades, log), config.faults)
  const app = buildApp({ handlers, upgrades, token: config.token, ready: () => engine.ping(), log, tls: config.tls })

  // Upgrades under way are not waited for: their units go on in the machines, and the next process finds them.
  closeWithGrace({ delay: 5000, logger: log }, async () => {
    stop.abort()
    await app.close()
  })
  await app.listen({ host: config.host, port: config.port })
}

// The configuration, or the end of the process: 0 after --help, 2 with every fault named.
function prepare(): Config {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } })
    if (!values.help) return readConfig(process.env)
    process.stdout.write(usage)
    process.exit(0)
  } catch (thrown) {
    console.error(styleText('red', (thrown as Error).message, { stream: process.stderr }))
    console.error('Run with --help to see what can be set.')
    process.exit(2)
  }
}
