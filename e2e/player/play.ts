import type { Lab } from '../../scripts/lab/verbs/lab.ts'
import { dockerDiff, unexpectedChanges } from '../witness/file-changes.ts'
import { tracesOf } from '../witness/parts-of-version.ts'
import type { Role } from '../witness/role.ts'
import type { Snapshot } from '../witness/snapshot.ts'
import { changes, isAt, problems } from '../witness/verify.ts'
import { coversAll, type Json, post } from './cluster-api.ts'
import { moveKubeProxy, nameVersion } from './control-plane-controller.ts'
import { beforeAfter, heading, secondsPerStep, type Upgraded } from './report.ts'
import { captured } from './requests.ts'
import { looked, settled } from './settle.ts'
import { machineOf, pathOf, type Stage, subjectOf, updateRequest } from './stage.ts'
import { type Moment, type Update, untilUpdated } from './update.ts'

interface Means {
  // ExtensionConfig spec.settings, as Cluster API would send them.
  settings: Record<string, string>
  signal: AbortSignal
}

// Upgrades the machines of these roles through the hooks. True when the verifier has nothing against them.
export async function play(stage: Stage, roles: readonly Role[], { settings, signal }: Means): Promise<boolean> {
  const { lab } = stage
  const found: string[] = []
  const upgraded: Upgraded[] = []
  const since = Math.floor(Date.now() / 1000)
  const before = new Map<Role, { seen: Snapshot; layer: Set<string> }>()
  for (const role of roles) {
    const machine = machineOf(stage, role)
    const seen = await looked(machine, lab.controlPlane, signal)
    before.set(role, { seen, layer: await dockerDiff(machine) })
  }
  const updates = new Map<Role, Update | undefined>()
  const kubeProxy = roles.includes('worker')
  for (const [role, { seen }] of before) {
    console.log(heading(`\n${machineOf(stage, role)}, ${role}: ${lab.from} to ${lab.to}`))
    const isDone = isAt(seen, role, lab.to, kubeProxy)
    updates.set(role, isDone ? await confirm(stage, role, signal) : await upgrade(stage, role, { settings, signal }))
  }
  for (const [role, { seen, layer }] of before) {
    const machine = machineOf(stage, role)
    const update = updates.get(role)
    const after = await settled(stage, role, { kubeProxy, signal })
    found.push(...problems(seen, after, role, lab.to, kubeProxy))
    if (update) {
      const files = await unexpectedChanges(machine, role, since, layer)
      found.push(...files.map((path) => `${machine}: ${path} was changed, which is not documented`))
    } else {
      found.push(...changes(seen, after).map((what) => `${machine}: there was nothing to do, but ${what} changed`))
    }
    upgraded.push({ role, before: seen, after, update })
  }
  await showDecline(stage)
  console.log(`${heading('\nBefore and after')}\n${beforeAfter(upgraded)}`)
  if (upgraded.some(({ update }) => update))
    console.log(`${heading('\nSeconds per step')}\n${secondsPerStep(upgraded)}`)
  for (const problem of found) console.error(`FAILED  ${problem}`)
  console.log(
    found.length === 0
      ? closing(lab, upgraded)
      : `\nThe demo failed: ${found.length} ${found.length === 1 ? 'check' : 'checks'} failed.`,
  )
  return found.length === 0
}

// One machine's upgrade, in the order of Cluster API's controllers.
async function upgrade(stage: Stage, role: Role, { settings, signal }: Means): Promise<Update> {
  const { lab, service } = stage
  const traces = await tracesOf(lab.to, machineOf(stage, role))
  if (traces.length > 0) throw new Error(`The machine has parts of ${lab.to} already: ${traces.join(', ')}`)
  const asks = role === 'control-plane' ? 'CanUpdateMachine' : 'CanUpdateMachineSet'
  const can = captured(
    role === 'control-plane' ? 'can-update-machine.version' : 'can-update-machine-set.version',
    subjectOf(stage, role),
  )
  const answer = await post(service, pathOf(stage, asks), { ...can, settings })
  if (!coversAll(can, answer))
    throw new Error(`${asks}: not all changes are covered, Cluster API would replace the machine`)
  console.log(`  ${asks}: all changes are covered, so it is updated in place`)
  if (role === 'control-plane') await nameVersion(lab.controlPlane, lab.to)
  const request = updateRequest(stage, role, settings)
  const tell = ({ at, message }: Moment) => console.log(`  ${at.toFixed(1).padStart(6)} s  ${message}`)
  const update = await untilUpdated(service, pathOf(stage, 'UpdateMachine'), request, {
    tell,
    signal,
  })
  if (role === 'control-plane') await moveKubeProxy(lab.controlPlane, lab.to)
  return update
}

// A machine that is at the target is asked for all the same: Cluster API may call after "done" too.
async function confirm(stage: Stage, role: Role, signal: AbortSignal): Promise<undefined> {
  const { lab, service } = stage
  const request = updateRequest(stage, role)
  await untilUpdated(service, pathOf(stage, 'UpdateMachine'), request, {
    tell: () => {},
    signal,
  })
  console.log(`  Nothing to do: it is at ${lab.to} already, and UpdateMachine says so.`)
}

// A change that is not covered: another machine image. CAPD cannot change it on a machine that exists.
async function showDecline(stage: Stage): Promise<void> {
  const can = captured('can-update-machine-set.version', subjectOf(stage, 'worker'))
  const template = can.desired.infrastructureMachineTemplate as { spec: { template: { spec: Json } } }
  template.spec.template.spec = { backend: { docker: { customImage: 'kindest/node:other' } } }
  const answer = await post(stage.service, pathOf(stage, 'CanUpdateMachineSet'), can)
  if (coversAll(can, answer)) throw new Error('A change of customImage was claimed, which no updater of CAPD can make')
  console.log(heading('\nAnother customImage with the new version'))
  console.log('  CanUpdateMachineSet: covered in part only, so Cluster API would replace the machines')
}

function closing({ from, to }: Lab, upgraded: Upgraded[]): string {
  return upgraded.every(({ update }) => update === undefined)
    ? `\nThe demo passed: the machines were already at ${to}, and nothing was changed. Use --fresh to start again from ${from}.`
    : `\nThe demo passed: upgraded in place from ${from} to ${to}.`
}
