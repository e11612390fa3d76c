// Proves: a machine that the node image of a version has made is done at once when that version is requested. Nothing is
// downloaded, and nothing in the machine changes.
import { machineOf, onStage, pathOf, type Stage, updateRequest } from '../player/stage.ts'
import { syncOf } from '../player/sync.ts'
import { untilUpdated } from '../player/update.ts'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { snapshot } from '../witness/snapshot.ts'
import { changes } from '../witness/verify.ts'

const state = '/var/lib/capd-kubeadm-upgrader'

export function ownVersion(): Promise<string[]> {
  return onStage({ fresh: true, at: 'to' }, async (stage) => {
    const found: string[] = []
    for (const role of ['control-plane', 'worker'] as const) found.push(...(await requestOwnVersion(stage, role)))
    const requests = stage.releases?.requests ?? []
    if (requests.length > 0) found.push(`${requests.length} requests for a download`)
    return found
  })
}

async function requestOwnVersion(stage: Stage, role: Role): Promise<string[]> {
  const { controlPlane, to } = stage.lab
  const machine = machineOf(stage, role)
  const before = await snapshot(machine, controlPlane)
  const messages: string[] = []
  await untilUpdated(stage.service, pathOf(stage, 'UpdateMachine'), updateRequest(stage, role), {
    tell: ({ message }) => messages.push(message),
  })
  const { phase, message } = await syncOf(stage, role)
  messages.push(message)
  console.log(`  ${machine}: ${messages.join(', ')}`)

  const steps = messages.filter((text) => text.startsWith('step '))
  const changed = changes(before, await snapshot(machine, controlPlane))
  const left = await shellIn(machine, `ls -d ${state} 2>/dev/null || true`)
  return [
    ...(phase === 'Done' ? [] : [`sync gives ${phase}`]),
    ...steps.map((text) => `not done at once: ${text}`),
    ...changed.map((what) => `${what} changed`),
    ...(left === '' ? [] : [`${left} was made`]),
  ].map((problem) => `${machine} at ${to}: ${problem}`)
}
