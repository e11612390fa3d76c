// Proves: the service can be killed at the start and in the middle of every step, on the worker and on the control
// plane, and the upgrade ends as if nothing had happened; each unit and each helper container started once.
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { moveKubeProxy, nameVersion } from '../player/control-plane-controller.ts'
import { settled } from '../player/settle.ts'
import { machineOf, onStage, type Stage } from '../player/stage.ts'
import { syncOf } from '../player/sync.ts'
import { unitsOf } from '../recovery/steps.ts'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { type Snapshot, snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'

// How long into a step its middle is. Of the exchange it is when the old static pods have ended.
const middleMs = (step: string) => (step === 'exchange' ? 3000 : 400)
const limitMs = 20 * 60_000

export function killed(): Promise<string[]> {
  return onStage({ fresh: true }, async (stage) => {
    const { controlPlane, to } = stage.lab
    const roles: Role[] = ['control-plane', 'worker']
    const found: string[] = []
    const before = await Promise.all(roles.map((role) => snapshot(machineOf(stage, role), controlPlane)))
    await nameVersion(controlPlane, to)
    for (const role of roles) {
      const helpers = watchHelpers()
      const kills = await killAtEveryStep(stage, role)
      console.log(`  ${machineOf(stage, role)}: killed ${kills.length} times: ${kills.join(', ')}`)
      found.push(...(await startedOnce(machineOf(stage, role), role, await helpers())))
      if (role === 'control-plane') await moveKubeProxy(controlPlane, to)
    }
    for (const [i, role] of roles.entries()) {
      const was = before[i] as Snapshot
      found.push(...problems(was, await settled(stage, role, { kubeProxy: true }), role, to, true))
    }
    return found
  })
}

// Kills the service as soon as a step is seen, and once more when it is seen again and has gone on for a while.
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
      // A step that ended meanwhile had no middle to be killed in.
      if ((await syncOf(stage, role)).step === step) await kill(`${step} middle`)
      else kills.push(`${step} middle`)
    }
  }
  throw new Error(`${machineOf(stage, role)} was not done after ${limitMs / 60_000} min`)
}

// Notes the helper containers that the engine makes from now on; it forgets its events after a few hundred.
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

// systemd's journal and the engine's events know how often each thing began; both outlive everything of ours. The
// machines are new, so the journal has no other upgrade.
async function startedOnce(machine: string, role: Role, helpers: string[]): Promise<string[]> {
  const journal = await shellIn(
    machine,
    "journalctl -o cat --no-pager _PID=1 | grep -E '^Started capd-kubeadm-upgrader-'",
  )
  const units = journal.split('\n').map((line) => line.replace(/^Started (\S+?)\.service.*/, '$1'))
  const way = role === 'worker' ? 'worker' : 'together'
  const expected = unitsOf(way).map((step) => `capd-kubeadm-upgrader-${step}`)
  console.log(`  ${machine}: ${helpers.length} helper containers; one that finds the archive there ends at once`)
  return expected.flatMap((name) => {
    const count = units.filter((started) => started === name).length
    console.log(`  ${machine}: ${name} started ${count} time${count === 1 ? '' : 's'}`)
    return count === 1 ? [] : [`${machine}: ${name} started ${count} times, not once`]
  })
}
