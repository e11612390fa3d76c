import type { Checks, Scenario } from '../management/scenario.ts'
import { machineOf, onStage, pathOf, type Stage, updateRequest } from '../player/stage.ts'
import { syncOf } from '../player/sync.ts'
import { untilUpdated } from '../player/update.ts'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { snapshot } from '../witness/snapshot.ts'
import { changes } from '../witness/verify.ts'

const state = '/var/lib/capd-kubeadm-upgrader'

export const ownVersion: Scenario = {
  on: 'lab',
  proves:
    'A machine that the node image of a version has made is done at once when that version is requested: nothing is downloaded, and nothing in the machine changes.',
  run: ({ expect }) =>
    onStage({ fresh: true, at: 'to' }, async (stage) => {
      for (const role of ['control-plane', 'worker'] as const) await requestOwnVersion(stage, role, expect)
      const requests = stage.releases?.requests ?? []
      expect(requests.length === 0, `${requests.length} requests for a download`)
    }),
}

async function requestOwnVersion(stage: Stage, role: Role, expect: Checks['expect']): Promise<void> {
  const { controlPlane } = stage.lab
  const machine = machineOf(stage, role)
  const before = await snapshot(machine, controlPlane)
  const messages: string[] = []
  await untilUpdated(stage.service, pathOf(stage, 'UpdateMachine'), updateRequest(stage, role), {
    onMessage: ({ message }) => messages.push(message),
  })
  const { phase, message } = await syncOf(stage, role)
  messages.push(message)
  console.log(`  ${machine}: ${messages.join(', ')}`)

  expect(phase === 'Done', `${machine}: the phase is ${phase}`)
  const steps = messages.filter((text) => text.startsWith('step '))
  expect(steps.length === 0, `${machine} is not done at once: ${steps.join(', ')}`)
  const changed = changes(before, await snapshot(machine, controlPlane))
  expect(changed.length === 0, `${machine}: ${changed.join(', ')} changed`)
  const left = await shellIn(machine, `ls -d ${state} 2>/dev/null || true`)
  expect(left === '', `${machine} has ${left}`)
}
