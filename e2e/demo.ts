import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Lab, labUp } from '../scripts/lab/lab.ts'
import { serveReleases } from '../scripts/lab/release-server.ts'
import { coversAll, discover, type Json, post } from './cluster-api.ts'
import { moveKubeProxy, nameVersion } from './control-plane-controller.ts'
import { inMachine } from './machine.ts'
import { tracesOf } from './old-only.ts'
import { beforeAfter, heading, secondsPerStep, type Upgraded } from './report.ts'
import { captured, type Role, type Subject } from './requests.ts'
import { type Service, startService } from './service.ts'
import { type Snapshot, snapshot } from './snapshot.ts'
import { dockerDiff, unexpectedChanges } from './traces.ts'
import { type Moment, type Update, untilUpdated } from './update.ts'
import { isAt, isUntouched, problems } from './verify.ts'

const roles: readonly Role[] = ['control-plane', 'worker']
const settleSeconds = 90

const usage = `Usage: npm run demo [-- options]

Upgrades a real control plane machine and a real worker machine in place, through the hooks of Cluster API:
brings up the lab where it is not, starts the service, plays Cluster API's part, and lets a verifier of its own
compare the machines before and after. Exit code 0 when everything is so, else 1 with the reasons.

  --fresh         begin with new machines of the old version
  --only ROLE     upgrade only the control-plane machine, or only the worker
  --fault NAME    let the service misbehave (done-too-early): the demo must then fail
  --help          show this
`

const options = {
  fresh: { type: 'boolean', default: false },
  only: { type: 'string' },
  fault: { type: 'string' },
  help: { type: 'boolean' },
} as const

interface Stage {
  lab: Lab
  service: Service
  // Hook to path, as discovery gave them.
  paths: Map<string, string>
  // The cluster's CA, PEM.
  ca: string
  settings: Record<string, string>
}

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
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
    console.error(
      '\nStopped. What a machine is doing goes on in it; run the demo again to see it to its end.',
    )
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
    if (values.only && !roles.includes(values.only as Role))
      throw new Error(`--only takes ${roles.join(' or ')}`)
    return values
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${usage}`)
    return 2
  }
}

// Sets the stage, plays, and clears it. True when the verifier has nothing against the machines.
async function perform(asked: { fresh: boolean; only?: string; fault?: string }): Promise<boolean> {
  console.log(heading('The lab'))
  const lab = await labUp({ fresh: asked.fresh })
  const server =
    'folder' in lab.releases ? await serveReleases({ host: lab.gateway, ...lab.releases }) : undefined
  const service = await startService({
    UPGRADER_BINARIES_URL: server ? `${server.url}/release` : (lab.releases as { url: string }).url,
    UPGRADER_FAULTS: asked.fault ? 'allow' : 'refuse',
  })
  try {
    const stage: Stage = {
      lab,
      service,
      paths: await discover(service),
      ca: await inMachine(lab.controlPlane, ['cat', '/etc/kubernetes/pki/ca.crt']),
      settings: asked.fault ? { fault: asked.fault } : {},
    }
    return await play(
      stage,
      roles.filter((role) => !asked.only || asked.only === role),
    )
  } finally {
    await service.stop()
    await server?.close()
  }
}

async function play(stage: Stage, roles: readonly Role[]): Promise<boolean> {
  const { lab } = stage
  const found: string[] = []
  const upgraded: Upgraded[] = []
  const since = Math.floor(Date.now() / 1000)
  const before = new Map<Role, { seen: Snapshot; layer: Set<string> }>()
  for (const role of roles) {
    const machine = machineOf(lab, role)
    before.set(role, { seen: await snapshot(machine, lab.controlPlane), layer: await dockerDiff(machine) })
  }
  for (const [role, { seen, layer }] of before) {
    const machine = machineOf(lab, role)
    console.log(heading(`\n${machine}, ${role}: ${lab.from} to ${lab.to}`))
    const update = isAt(seen, role, lab.to) ? await confirm(stage, role) : await upgrade(stage, role)
    const after = await settled(stage, role)
    found.push(...problems(seen, after, role, lab.to))
    if (update) {
      const changes = await unexpectedChanges(machine, role, since, layer)
      found.push(...changes.map((path) => `${machine}: ${path} was changed, which is not documented`))
    } else if (!isUntouched(seen, after)) {
      found.push(`${machine}: there was nothing to do, but something changed`)
    }
    upgraded.push({ role, before: seen, after, update })
  }
  await showDecline(stage)
  console.log(`${heading('\nBefore and after')}\n${beforeAfter(upgraded)}`)
  if (upgraded.some(({ update }) => update))
    console.log(`${heading('\nSeconds per step')}\n${secondsPerStep(upgraded)}`)
  for (const problem of found) console.error(`NOT SO  ${problem}`)
  console.log(
    found.length === 0
      ? closing(lab, upgraded)
      : `\nThe demo failed: ${found.length} things are not as they should be.`,
  )
  return found.length === 0
}

// One machine's upgrade, in the order of Cluster API's controllers.
async function upgrade(stage: Stage, role: Role): Promise<Update> {
  const { lab, service, paths, settings } = stage
  const traces = await tracesOf(lab.to, machineOf(lab, role))
  if (traces.length > 0) throw new Error(`The machine has parts of ${lab.to} already: ${traces.join(', ')}`)
  const asks = role === 'control-plane' ? 'CanUpdateMachine' : 'CanUpdateMachineSet'
  const can = captured(
    role === 'control-plane' ? 'can-update-machine.version' : 'can-update-machine-set.version',
    subject(stage, role),
  )
  const answer = await post(service, pathOf(paths, asks), { ...can, settings })
  if (!coversAll(can, answer))
    throw new Error(`${asks}: not all changes are covered, Cluster API would replace the machine`)
  console.log(`  ${asks}: all changes are covered, so it is updated in place`)
  if (role === 'control-plane') await nameVersion(lab.controlPlane, lab.to)
  const request = { ...captured(`update-machine.${role}`, subject(stage, role)), settings }
  const tell = ({ at, message }: Moment) => console.log(`  ${at.toFixed(1).padStart(6)} s  ${message}`)
  const update = await untilUpdated(service, pathOf(paths, 'UpdateMachine'), request, {
    tell,
    signal: interrupted.signal,
  })
  if (role === 'control-plane') await moveKubeProxy(lab.controlPlane, lab.to)
  return update
}

// A machine that is at the target is asked for all the same: Cluster API may call after "done" too.
async function confirm(stage: Stage, role: Role): Promise<undefined> {
  const { lab, service, paths } = stage
  const request = { ...captured(`update-machine.${role}`, subject(stage, role)), settings: stage.settings }
  await untilUpdated(service, pathOf(paths, 'UpdateMachine'), request, {
    tell: () => {},
    signal: interrupted.signal,
  })
  console.log(`  Nothing to do: it is at ${lab.to} already, and UpdateMachine says so.`)
}

// The machine when the pods that were moved with it have followed: kube-proxy starts anew on every machine.
async function settled({ lab }: Stage, role: Role): Promise<Snapshot> {
  for (
    const limit = Date.now() + settleSeconds * 1000;
    ;
    await sleep(1000, undefined, { signal: interrupted.signal })
  ) {
    const seen = await snapshot(machineOf(lab, role), lab.controlPlane).catch(() => undefined)
    if (seen && (isAt(seen, role, lab.to) || Date.now() > limit)) return seen
    if (Date.now() > limit) return snapshot(machineOf(lab, role), lab.controlPlane)
  }
}

// A change that is not covered: another machine image. CAPD cannot change it on a machine that exists.
async function showDecline(stage: Stage): Promise<void> {
  const can = captured('can-update-machine-set.version', subject(stage, 'worker'))
  const template = can.desired.infrastructureMachineTemplate as { spec: { template: { spec: Json } } }
  template.spec.template.spec = { backend: { docker: { customImage: 'kindest/node:other' } } }
  const answer = await post(stage.service, pathOf(stage.paths, 'CanUpdateMachineSet'), can)
  if (coversAll(can, answer))
    throw new Error('A change of customImage was claimed, which no updater of CAPD can make')
  console.log(heading('\nAnother customImage with the new version'))
  console.log('  CanUpdateMachineSet: covered in part only, so Cluster API would replace the machines')
}

function closing({ from, to }: Lab, upgraded: Upgraded[]): string {
  return upgraded.every(({ update }) => update === undefined)
    ? `\nThere was nothing to do: all is at ${to} already, and nothing was changed. --fresh begins again with ${from}.`
    : `\nAll is as it should be: upgraded in place from ${from} to ${to}.`
}

function subject({ lab, ca }: Stage, role: Role): Subject {
  return { cluster: lab.cluster, machine: machineOf(lab, role), from: lab.from, to: lab.to, ca }
}

function machineOf(lab: Lab, role: Role): string {
  return role === 'control-plane' ? lab.controlPlane : lab.worker
}

function pathOf(paths: Map<string, string>, hook: string): string {
  const path = paths.get(hook)
  if (path === undefined) throw new Error(`discovery does not name ${hook}`)
  return path
}
