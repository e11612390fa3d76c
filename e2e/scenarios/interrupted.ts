// Proves: the service can be killed at the start and in the middle of every step, on the worker and on the control
// plane, and the upgrade ends as if nothing had happened; each unit and each helper container started once.
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { moveKubeProxy, nameVersion } from '../control-plane-controller.ts'
import { shellIn } from '../machine.ts'
import type { Role } from '../requests.ts'
import { settled } from '../settle.ts'
import { snapshot } from '../snapshot.ts'
import { machineOf, type Stage, setStage } from '../stage.ts'
import { syncOf } from '../sync.ts'
import { problems } from '../verify.ts'

// How long into a step its middle is; kubeadm works for minutes on a control plane.
const middleMs = (step: string, role: Role) => (step === 'kubeadm' && role === 'control-plane' ? 60_000 : 400)
const limitMs = 20 * 60_000

export async function interrupted(): Promise<string[]> {
  const stage = await setStage({ fresh: true })
  const found: string[] = []
  try {
    for (const role of ['control-plane', 'worker'] as const)
      found.push(...(await upgradeKilling(stage, role)))
  } finally {
    await stage.close()
  }
  return found
}

async function upgradeKilling(stage: Stage, role: Role): Promise<string[]> {
  const { lab } = stage
  const machine = machineOf(stage, role)
  const before = await snapshot(machine, lab.controlPlane)
  const since = new Date().toISOString()
  if (role === 'control-plane') await nameVersion(lab.controlPlane, lab.to)
  const kills = await killAtEveryStep(stage, role)
  if (role === 'control-plane') await moveKubeProxy(lab.controlPlane, lab.to)
  const after = await settled(stage, role)
  console.log(`  ${machine}: killed ${kills.length} times: ${kills.join(', ')}`)
  return [...problems(before, after, role, lab.to), ...(await startedOnce(stage, machine, since))]
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
      await sleep(middleMs(step, role))
      // A step that ended meanwhile had no middle to be killed in.
      if ((await syncOf(stage, role)).step === step) await kill(`${step} middle`)
      else kills.push(`${step} middle`)
    }
  }
  throw new Error(`${machineOf(stage, role)} was not done after ${limitMs / 60_000} min`)
}

// systemd's journal and the engine's events know how often each thing began; both outlive everything of ours.
async function startedOnce({ lab }: Stage, machine: string, since: string): Promise<string[]> {
  const journal = await shellIn(
    machine,
    "journalctl -o cat --no-pager _PID=1 | grep -E '^Started capd-kubeadm-upgrader-'",
  )
  const units = journal.split('\n').map((line) => line.replace(/^Started (\S+).*/, '$1'))
  const filters = [
    '--filter=event=create',
    `--filter=container=capd-kubeadm-upgrader-images-${machine}-${lab.to}`,
  ]
  const until = new Date().toISOString()
  const { stdout } = await execa('docker', ['events', `--since=${since}`, `--until=${until}`, ...filters])
  const counts = new Map<string, number>()
  const helpers = stdout
    .split('\n')
    .filter(Boolean)
    .map(() => 'the helper container')
  for (const name of [...units, ...helpers]) counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const [name, count] of counts)
    console.log(`  ${machine}: ${name} started ${count} time${count === 1 ? '' : 's'}`)
  const expected = ['binaries', 'images', 'kubeadm', 'kubelet'].map(
    (step) => `capd-kubeadm-upgrader-${step}-${lab.to}.service`,
  )
  return [...expected, 'the helper container']
    .filter((name) => counts.get(name) !== 1)
    .map((name) => `${machine}: ${name} started ${counts.get(name) ?? 0} times, not once`)
}
