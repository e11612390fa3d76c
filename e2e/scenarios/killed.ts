import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import type { Checks, Scenario } from '../management/scenario.ts'
import { moveKubeProxy, nameVersion } from '../player/control-plane-controller.ts'
import { machineOf, onStage, type Stage } from '../player/stage.ts'
import { syncOf } from '../player/sync.ts'
import { unitsOf } from '../recovery/steps.ts'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { settledSnapshot } from '../witness/settled.ts'
import { type Snapshot, snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'

// How long after its start a step is in its middle. In the exchange the old static pods have ended by then.
const middleMs = (step: string) => (step === 'exchange' ? 3000 : 400)
const limitMs = 20 * 60_000

/** The scenario "killed". */
export const killed: Scenario = {
  on: 'lab',
  proves:
    'The service can be killed at the start and in the middle of every step, on a worker and on a control plane machine, and the upgrade ends as if nothing had happened; each unit and each helper container starts once.',
  run: ({ expect }) => onStage({ fresh: true }, (stage) => upgradeWhileKilled(stage, expect)),
}

async function upgradeWhileKilled(stage: Stage, expect: Checks['expect']): Promise<void> {
  const { controlPlane, to } = stage.lab
  const roles: Role[] = ['control-plane', 'worker']
  const before = await Promise.all(roles.map((role) => snapshot(machineOf(stage, role), controlPlane)))
  await nameVersion(controlPlane, to)
  for (const role of roles) {
    const helpers = watchHelpers()
    const kills = await killAtEveryStep(stage, role)
    console.log(`  ${machineOf(stage, role)}: killed ${kills.length} times: ${kills.join(', ')}`)
    for (const problem of await startedOnce(machineOf(stage, role), role, await helpers())) expect(false, problem)
    if (role === 'control-plane') await moveKubeProxy(controlPlane, to)
  }
  for (const [i, role] of roles.entries()) {
    const was = before[i] as Snapshot
    const expected = { role, version: to, kubeProxy: true }
    const after = await settledSnapshot(was.machine, controlPlane, expected)
    for (const problem of problems(was, after, expected)) expect(false, problem)
  }
}

// Kills the service when a step is reported first, and again when it has run for a while.
async function killAtEveryStep(stage: Stage, role: Role): Promise<string[]> {
  const kills: string[] = []
  const kill = async (when: string) => {
    await stage.restart('SIGKILL')
    kills.push(when)
    console.log(`  killed at ${when}`)
  }
  for (const limit = Date.now() + limitMs; Date.now() < limit; await sleep(20)) {
    const { phase, step, message } = await syncOf(stage, role)
    if (phase === 'Done') return kills
    if (phase === 'Failed') throw new Error(message)
    if (step === '') continue
    if (!kills.includes(`${step} start`)) {
      await kill(`${step} start`)
    } else if (!kills.includes(`${step} middle`)) {
      await sleep(middleMs(step))
      // A step that has ended meanwhile is too short for a second kill.
      if ((await syncOf(stage, role)).step === step) await kill(`${step} middle`)
      else kills.push(`${step} middle`)
    }
  }
  throw new Error(`${machineOf(stage, role)} was not done after ${limitMs / 60_000} min`)
}

// Records the helper containers that the engine creates from now on. The engine keeps only some hundred past events.
function watchHelpers() {
  const filters = ['--filter=event=create', '--filter=label=capd-kubeadm-upgrader=image-source']
  const events = execa('docker', ['events', ...filters, '--format={{.Actor.Attributes.name}}'], {
    reject: false,
  })
  return async () => {
    events.kill()
    return (await events).stdout.split('\n').filter(Boolean)
  }
}

// Counts starts in the machine's journal and the engine's events, which outlive the service. The journal has no other upgrade,
// because the machines are new.
async function startedOnce(machine: string, role: Role, helpers: string[]): Promise<string[]> {
  const journal = await shellIn(
    machine,
    "journalctl -o cat --no-pager _PID=1 | grep -E '^Started capd-kubeadm-upgrader-'",
  )
  const units = journal.split('\n').map((line) => line.replace(/^Started (\S+?)\.service.*/, '$1'))
  const way = role === 'worker' ? 'worker' : 'together'
  const expected = unitsOf(way).map((step) => `capd-kubeadm-upgrader-${step}`)
  console.log(`  ${machine}: ${helpers.length} helper containers; one that finds the archive ends at once`)
  return expected.flatMap((name) => {
    const count = units.filter((started) => started === name).length
    console.log(`  ${machine}: ${name} started ${count} time${count === 1 ? '' : 's'}`)
    return count === 1 ? [] : [`${machine}: ${name} started ${count} times, expected once`]
  })
}
