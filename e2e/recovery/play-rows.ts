import { setTimeout as sleep } from 'node:timers/promises'
import type { RecoveryOptions } from '../management/scenario.ts'
import { moveKubeProxy, nameVersion } from '../player/control-plane-controller.ts'
import { type EngineRelay, withRelay } from '../player/engine-relay.ts'
import { onStage, type Stage } from '../player/stage.ts'
import type { Role } from '../witness/role.ts'
import { snapshot } from '../witness/snapshot.ts'
import { isAt } from '../witness/verify.ts'
import { onMembers } from './members.ts'
import { record } from './results.ts'
import { type Batch, batchesOf, defaultTurns, memberTurns, shortTurns, type Turn, turnOf, wayOf } from './rows.ts'
import { playTurn, type RowResult, type TurnTarget } from './turn.ts'

const kubeProxyMs = 120_000

/** Plays the few rows that CI plays, within ten minutes, on new machines of the demo. Returns what failed. */
export async function playShortRows(): Promise<string[]> {
  const [batch] = batchesOf(shortTurns())
  return batch ? playBatch(batch, false) : []
}

/** Plays rows on as many clusters as they need, one after the other. Returns what failed. */
export async function playRows({ rows, isRecorded, members }: RecoveryOptions): Promise<string[]> {
  const named = rows.map(turnOf)
  const found: string[] = []
  if (members > 1) {
    const left = named.length > 0 ? named : memberTurns()
    while (left.length > 0) found.push(...(await playMembers(left.splice(0, members), members, isRecorded)))
    return found
  }
  const turns = named.length > 0 ? named : defaultTurns()
  for (const batch of batchesOf(turns)) found.push(...(await playBatch(batch, isRecorded)))
  return found
}

// One turn for each member, one after the other, as Cluster API upgrades them.
async function playMembers(turns: readonly Turn[], members: number, isRecorded: boolean): Promise<string[]> {
  return withRelay((relay, environment) =>
    onMembers(members, environment, async (stage, machines) => {
      const found: string[] = []
      const release = releaseOf(stage)
      for (const [i, turn] of turns.entries()) {
        const machine = machines[i]
        // The machine is observed through another member.
        const witness = machines[(i + 1) % machines.length]
        if (machine === undefined || witness === undefined)
          throw new Error(`There are only ${machines.length} members.`)
        stage.lab = { ...stage.lab, controlPlane: witness }
        const place: TurnTarget = {
          stage,
          relay,
          machine,
          role: 'control-plane',
          members: machines,
          balancer: `${stage.lab.cluster}-lb`,
          release,
        }
        found.push(...(await settled(announced(turn, place), place, isRecorded)))
      }
      return found
    }),
  )
}

async function playBatch(batch: Batch, isRecorded: boolean): Promise<string[]> {
  const workers = Math.max(1, batch.workers.length)
  return withRelay((relay, environment) =>
    onStage({ fresh: true, workers, environment }, async (stage) => {
      const found: string[] = []
      const places = placesOf(batch, stage, relay)
      // These workers wait for the control plane machine during its upgrade.
      const early = places.filter(([[first]]) => first?.step === 'api-servers')
      const waiting = early.map(([turn, place]) => ({ playing: playTurn(turn, place), place }))
      for (const [turn, place] of places.filter((one) => !early.includes(one))) {
        found.push(...(await settled(announced(turn, place), place, isRecorded)))
        if (place.role === 'control-plane') await moveKubeProxy(stage.lab.controlPlane, stage.lab.to)
      }
      for (const { playing, place } of waiting) found.push(...(await settled(playing, place, isRecorded)))
      return [...found, ...(await kubeProxyBehind(stage, batch))]
    }),
  )
}

function announced(turn: Turn, place: TurnTarget): Promise<RowResult[]> {
  console.log(`  ${place.machine}, ${wayOf(turn, place.role)}: ${turn.map(({ id }) => id).join(' ') || 'no row'}`)
  return playTurn(turn, place)
}

// Prints the results of a turn when it ends, and returns what failed.
async function settled(playing: Promise<RowResult[]>, place: TurnTarget, isRecorded: boolean): Promise<string[]> {
  const { stage, members } = place
  const all = await playing
  for (const one of all) report(one)
  if (isRecorded) await record(all, `${stage.lab.from} to ${stage.lab.to}`, members.length)
  return all.filter(({ isPassed }) => !isPassed).map(({ row, result }) => `${row.id}: ${result}`)
}

// Sets the cluster's version once.
function releaseOf(stage: Stage): () => Promise<void> {
  let isNamed = false
  return async () => {
    if (!isNamed) await nameVersion(stage.lab.controlPlane, stage.lab.to)
    isNamed = true
  }
}

// kube-proxy is updated machine by machine, so it is at the version only after all machines have its image.
async function kubeProxyBehind({ lab }: Stage, { workers }: Batch): Promise<string[]> {
  const machines: [string, Role][] = [
    [lab.controlPlane, 'control-plane'],
    ...lab.workers.slice(0, workers.length).map((name): [string, Role] => [name, 'worker']),
  ]
  if (workers.length === 0) return []
  for (const limit = Date.now() + kubeProxyMs; ; await sleep(2000)) {
    const looks = await Promise.all(
      machines.map(async ([name, role]) => {
        const seen = await snapshot(name, lab.controlPlane).catch(() => undefined)
        return seen && isAt(seen, { role, version: lab.to, kubeProxy: true }) ? [] : [name]
      }),
    )
    const behind = looks.flat()
    if (behind.length === 0 || Date.now() > limit) return behind.map((name) => `${name} is not completely at ${lab.to}`)
  }
}

// The control plane machine comes first, because workers wait for it. It is upgraded even without rows.
function placesOf({ controlPlane, workers }: Batch, stage: Stage, relay: EngineRelay): [Turn, TurnTarget][] {
  const { lab } = stage
  const shared = { stage, relay, members: [lab.controlPlane], balancer: undefined, release: releaseOf(stage) }
  const places: [Turn, TurnTarget][] = [[controlPlane, { ...shared, machine: lab.controlPlane, role: 'control-plane' }]]
  for (const [i, turn] of workers.entries()) {
    const machine = lab.workers[i]
    if (machine === undefined) throw new Error(`There are only ${lab.workers.length} workers.`)
    places.push([turn, { ...shared, machine, role: 'worker' }])
  }
  return places
}

function report({ row, hit, result, seconds, isConclusive, isPassed }: RowResult): void {
  const word = !isConclusive ? 'inconclusive' : isPassed ? 'passed' : 'FAILED'
  console.log(`  ${word}  ${row.id}: ${result}, ${seconds} s\n      ${hit}`)
}
