import { parseArgs, styleText } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { buildApp } from './app/app.ts'
import { createClients } from './app/clients.ts'
import { createLog } from './app/log.ts'
import { readiness } from './app/readiness.ts'
import { serveWith, type Tls } from './app/server.ts'
import { certificateIn, clientCaIn } from './certificate.ts'
import { variables } from './config/environment.ts'
import { type Config, readConfig } from './config.ts'
import { execReporter } from './exec-reporter.ts'
import { withCheckedFaults, withFaults } from './faults/faults.ts'
import { withStepFaults } from './faults/steps.ts'
import { createHandlers } from './hooks/handlers.ts'
import { dockerEngine } from './machine/docker-engine.ts'
import { limited } from './machine/exec-limit.ts'
import { createMetrics } from './metrics.ts'
import { type Clock, isStopped, systemClock } from './upgrade/clock.ts'
import { memberObserver } from './upgrade/members.ts'
import { nodeImages } from './upgrade/node-images.ts'
import { planFor } from './upgrade/plan.ts'
import { createUpgrades } from './upgrade/upgrades.ts'

// Each costs the engine three requests and a process in the machine.
const execsAtOnce = 8
// How often the files of certificates are read.
const lookSeconds = 5

const usage = `Usage: node src/main.ts [--help]

Answers Cluster API's in-place update hooks over HTTPS and upgrades kubeadm machines of the Docker provider.
It is configured by the environment:

${Object.entries(variables)
  .map(
    ([name, { default: value, description }]) => `  ${name}\n      ${description}${value ? ` Default: ${value}` : ''}`,
  )
  .join('\n')}
`

await main()

async function main(): Promise<void> {
  const config = prepare()
  const readerGone = Promise.withResolvers<void>()
  const log = createLog({ level: config.logLevel, onReaderGone: readerGone.resolve })
  const { faults: allowed, discoveryFails } = config
  if (allowed) log.warn('MISBEHAVIOUR IS ALLOWED: the setting "fault" is heeded. This is for tests only.')
  if (discoveryFails) log.warn('MISBEHAVIOUR: discovery answers Failure.')
  log.info(describeSources(config.sources), 'where machines get Kubernetes from')
  const metrics = createMetrics({ faultsAllowed: allowed, ofProcess: true })
  const engine = limited(dockerEngine({ onExec: execReporter(log, metrics) }), execsAtOnce)
  const stop = new AbortController()
  const clock = systemClock(stop.signal)
  const onFault = (fault: string) => log.warn({ fault }, 'misbehaviour')
  const plan = withStepFaults(planFor, { allowed, clock, onFault })
  const upgrades = withCheckedFaults(
    createUpgrades({
      engine,
      members: memberObserver(engine, clock),
      images: nodeImages({ engine, clock, log, stop: stop.signal }),
      sources: config.sources,
      clock,
      log,
      plan,
      report: metrics,
    }),
    allowed,
  )
  const handlers = withFaults(createHandlers(upgrades, log), { allowed, discoveryFails, clock, onFault })
  const clients = config.clients && createClients(config.clients)
  let tls: Tls = { ...config.tls.inUse, ...config.clients?.inUse }
  const take = (changed: Partial<Tls>) => {
    tls = { ...tls, ...changed }
    serveWith(app, tls)
    if (changed.ca) clients?.caChanged()
  }
  const certificate = certificateIn({ ...config.tls, take, log })
  const clientCa = config.clients && clientCaIn({ ...config.clients, take, log })
  const ready = readiness({ certificate: certificate.check, engine: engine.ping })
  const app = buildApp({ handlers, upgrades, token: config.token, ready, metrics, log, tls, clients })

  // Upgrades under way are not waited for: their units go on in the machines, and the next process finds them.
  const { close } = closeWithGrace({ delay: 5000, logger: log }, async ({ err }) => {
    // Such as a port that is taken. Nothing else reports it.
    if (err) log.fatal({ err }, 'the service ends unexpectedly')
    stop.abort()
    await app.close()
    if (process.exitCode) process.exit()
  })
  await app.listen({ host: config.host, port: config.port })
  // Without its log a failing service cannot be noticed. Its supervisor, such as the kubelet, starts it again.
  readerGone.promise.then(() => {
    console.error('Standard output was closed, so the log is lost: the service stops.')
    process.exitCode = 1
    close()
  })
  await lookAgainAndAgain(clock, () => {
    certificate.look()
    clientCa?.look()
  })
}

// What is not used is left out.
function describeSources({ binaries, binariesUrl, images, nodeImage }: Config['sources']) {
  return {
    binaries: binaries === 'download' ? binariesUrl : nodeImage,
    images: images === 'pull' ? 'pulled by kubeadm' : nodeImage,
  }
}

async function lookAgainAndAgain(clock: Clock, look: () => void): Promise<void> {
  try {
    for (;;) {
      await clock.sleep(lookSeconds)
      look()
    }
  } catch (thrown) {
    if (!isStopped(thrown)) throw thrown
  }
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
