import type { Lab } from '../../scripts/lab/verbs/lab.ts'
import { dockerDiff, unexpectedChanges } from '../witness/file-changes.ts'
import { partsOfVersion } from '../witness/parts-of-version.ts'
import type { Role } from '../witness/role.ts'
import { reachableSnapshot, settledSnapshot } from '../witness/settled.ts'
import type { Snapshot } from '../witness/snapshot.ts'
import { differences, isAt, problems } from '../witness/verify.ts'
import { coversAll, type Json, post } from './cluster-api.ts'
import { moveKubeProxy, nameVersion } from './control-plane-controller.ts'
import { beforeAfter, heading, secondsPerStep, type UpgradedMachine } from './report.ts'
import { capturedRequest } from './requests.ts'
import { machineOf, pathOf, replacementsFor, type Stage, updateRequest } from './stage.ts'
import { type ProgressMessage, type Update, untilUpdated } from './update.ts'

interface PlayOptions {
  /** spec.settings of an ExtensionConfig, which Cluster API sends with each request. */
  settings: Record<string, string>
  signal: AbortSignal
}

/**
 * Upgrades the lab's machines of these roles through the hooks, as Cluster API's controllers do, and verifies them. Prints
 * the results, and returns whether every check passed.
 */
export async function play(stage: Stage, roles: readonly Role[], { settings, signal }: PlayOptions): Promise<boolean> {
  const { lab } = stage
  const found: string[] = []
  const upgraded: UpgradedMachine[] = []
  const since = Math.floor(Date.now() / 1000)
  const before = new Map<Role, { seen: Snapshot; layer: Set<string> }>()
  for (const role of roles) {
    const machine = machineOf(stage, role)
    const seen = await reachableSnapshot(machine, lab.controlPlane, signal)
    before.set(role, { seen, layer: await dockerDiff(machine) })
  }
  const updates = new Map<Role, Update | undefined>()
  const kubeProxy = roles.includes('worker')
  for (const [role, { seen }] of before) {
    console.log(heading(`\n${machineOf(stage, role)}, ${role}: ${lab.from} to ${lab.to}`))
    const isDone = isAt(seen, { role, version: lab.to, kubeProxy })
    updates.set(role, isDone ? await confirm(stage, role, signal) : await upgrade(stage, role, { settings, signal }))
  }
  for (const [role, { seen, layer }] of before) {
    const machine = machineOf(stage, role)
    const update = updates.get(role)
    const expected = { role, version: lab.to, kubeProxy }
    const after = await settledSnapshot(machine, lab.controlPlane, expected, signal)
    found.push(...problems(seen, after, expected))
    if (update) {
      const files = await unexpectedChanges(machine, role, since, layer)
      found.push(...files.map((path) => `${machine}: ${path} changed, which is not documented`))
    } else {
      found.push(
        ...differences(seen, after).map((what) => `${machine}: ${what} changed although there was nothing to do`),
      )
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

// Upgrades one machine, in the order of Cluster API's controllers.
async function upgrade(stage: Stage, role: Role, { settings, signal }: PlayOptions): Promise<Update> {
  const { lab, service } = stage
  const parts = await partsOfVersion(lab.to, machineOf(stage, role))
  if (parts.length > 0) throw new Error(`The machine already has parts of ${lab.to}: ${parts.join(', ')}`)
  const hook = role === 'control-plane' ? 'CanUpdateMachine' : 'CanUpdateMachineSet'
  const can = capturedRequest(
    role === 'control-plane' ? 'can-update-machine.version' : 'can-update-machine-set.version',
    replacementsFor(stage, role),
  )
  const response = await post(service, pathOf(stage, hook), { ...can, settings })
  if (!coversAll(can, response))
    throw new Error(`${hook}: not all changes are covered, so Cluster API would replace the machine`)
  console.log(`  ${hook}: all changes are covered, so the machine is updated in place`)
  if (role === 'control-plane') await nameVersion(lab.controlPlane, lab.to)
  const request = updateRequest(stage, role, settings)
  const onMessage = ({ at, message }: ProgressMessage) => console.log(`  ${at.toFixed(1).padStart(6)} s  ${message}`)
  const update = await untilUpdated(service, pathOf(stage, 'UpdateMachine'), request, {
    onMessage,
    signal,
  })
  if (role === 'control-plane') await moveKubeProxy(lab.controlPlane, lab.to)
  return update
}

// Cluster API may call UpdateMachine again after it is done.
async function confirm(stage: Stage, role: Role, signal: AbortSignal): Promise<undefined> {
  const { lab, service } = stage
  const request = updateRequest(stage, role)
  await untilUpdated(service, pathOf(stage, 'UpdateMachine'), request, {
    onMessage: () => {},
    signal,
  })
  console.log(`  Nothing to do: UpdateMachine reports that the machine is at ${lab.to}.`)
}

// Another machine image is a change that is not covered. CAPD cannot change it on an existing machine.
async function showDecline(stage: Stage): Promise<void> {
  const can = capturedRequest('can-update-machine-set.version', replacementsFor(stage, 'worker'))
  const template = can.desired.infrastructureMachineTemplate as { spec: { template: { spec: Json } } }
  template.spec.template.spec = { backend: { docker: { customImage: 'kindest/node:other' } } }
  const response = await post(stage.service, pathOf(stage, 'CanUpdateMachineSet'), can)
  if (coversAll(can, response))
    throw new Error('A change of customImage was covered, which no updater of CAPD can make')
  console.log(heading('\nAnother customImage with the new version'))
  console.log('  CanUpdateMachineSet: not all changes are covered, so Cluster API would replace the machines')
}

function closing({ from, to }: Lab, upgraded: UpgradedMachine[]): string {
  return upgraded.every(({ update }) => update === undefined)
    ? `\nThe demo passed: the machines were already at ${to}, and nothing was changed. Use --fresh to start again from ${from}.`
    : `\nThe demo passed: upgraded in place from ${from} to ${to}.`
}
