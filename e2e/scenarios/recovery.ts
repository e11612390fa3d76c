// Proves: whatever breaks at a boundary of a step, on a worker or on a control plane, the upgrade ends by itself once it
// is over; nothing was done twice, nothing is left behind, and no machine is left between two versions.
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { moveKubeProxy, nameVersion } from '../player/control-plane-controller.ts'
import { relayEngine } from '../player/engine-relay.ts'
import { onStage, type Stage } from '../player/stage.ts'
import { onMembers } from '../recovery/members.ts'
import { record } from '../recovery/results.ts'
import {
  type Batch,
  batchesOf,
  defaultTurns,
  memberTurns,
  shortTurns,
  type Turn,
  turnOf,
  wayOf,
} from '../recovery/rows.ts'
import { type Place, type Played, playTurn } from '../recovery/turn.ts'
import type { Role } from '../witness/role.ts'
import { snapshot } from '../witness/snapshot.ts'
import { isAt } from '../witness/verify.ts'

/** What is wanted of a run. */
export interface Wanted {
  /** Ids of the rows to play, each on a machine of its own; all that are usually played where it is empty. */
  rows: readonly string[]
  /** Whether the results are added to docs/recovery.real.json. */
  isRecorded: boolean
  /**
   * With more than one, rows of control plane machines are played in clusters with so many, which Cluster API makes, one
   * turn on each machine.
   */
  members: number
}

const kubeProxyMs = 120_000

type Relay = Awaited<ReturnType<typeof relayEngine>>

/** Plays rows on as many clusters as they need, one after the other. */
export async function recovery({ rows, isRecorded, members }: Wanted): Promise<string[]> {
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

/** The few rows that CI plays, within ten minutes, on fresh machines of the demo. */
export async function recoveryShort(): Promise<string[]> {
  const [batch] = batchesOf(shortTurns())
  return batch ? playBatch(batch, false) : []
}

/** The ids of the rows that are usually played in clusters with so many members; those of one line share a machine. */
export function listed(members: number): string[] {
  return (members > 1 ? memberTurns() : defaultTurns()).map((turn) => turn.map(({ id }) => id).join('+'))
}

/** Throws where one of these rows does not exist, or is not one of a cluster with so many members. */
export function checkRows(ids: string, members: number): void {
  const turn = turnOf(ids)
  if (members > 1 && turn[0]?.role === 'worker') throw new Error(`"${ids}" names no control plane machine.`)
}

// Each member's turn in its cluster, one after the other, as Cluster API upgrades them.
async function playMembers(turns: readonly Turn[], members: number, isRecorded: boolean): Promise<string[]> {
  return withRelay((relay, environment) =>
    onMembers(members, environment, async (stage, machines) => {
      const found: string[] = []
      const release = releaseOf(stage)
      for (const [i, turn] of turns.entries()) {
        const machine = machines[i]
        // Another one is asked about it.
        const witness = machines[(i + 1) % machines.length]
        if (machine === undefined || witness === undefined)
          throw new Error(`There are only ${machines.length} members.`)
        stage.lab = { ...stage.lab, controlPlane: witness }
        const place: Place = {
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

async function withRelay<T>(act: (relay: Relay, environment: Record<string, string>) => Promise<T>): Promise<T> {
  const socket = join(tmpdir(), `capd-kubeadm-upgrader-${process.pid}.sock`)
  const relay = await relayEngine(socket)
  try {
    return await act(relay, { DOCKER_HOST: `unix://${socket}` })
  } finally {
    await relay.close()
    await rm(socket, { force: true })
  }
}

async function playBatch(batch: Batch, isRecorded: boolean): Promise<string[]> {
  const workers = Math.max(1, batch.workers.length)
  return withRelay((relay, environment) =>
    onStage({ fresh: true, workers, environment }, async (stage) => {
      const found: string[] = []
      const places = placesOf(batch, stage, relay)
      // These wait for the control plane machine while it is upgraded.
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

function announced(turn: Turn, place: Place): Promise<Played[]> {
  console.log(`  ${place.machine}, ${wayOf(turn, place.role)}: ${turn.map(({ id }) => id).join(' ') || 'no row'}`)
  return playTurn(turn, place)
}

// Reports a turn when it is over, and gives what was not as it should be.
async function settled(playing: Promise<Played[]>, place: Place, isRecorded: boolean): Promise<string[]> {
  const { stage, members } = place
  const all = await playing
  for (const one of all) report(one)
  if (isRecorded) await record(all, `${stage.lab.from} to ${stage.lab.to}`, members.length)
  return all.filter(({ isGood }) => !isGood).map(({ row, result }) => `${row.id}: ${result}`)
}

// The version is named once in a cluster.
function releaseOf(stage: Stage): () => Promise<void> {
  let isNamed = false
  return async () => {
    if (!isNamed) await nameVersion(stage.lab.controlPlane, stage.lab.to)
    isNamed = true
  }
}

// kube-proxy moves from machine to machine, so it is at the target only when all of them have its image.
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
        return seen && isAt(seen, role, lab.to, true) ? [] : [name]
      }),
    )
    const behind = looks.flat()
    if (behind.length === 0 || Date.now() > limit) return behind.map((name) => `${name} is not at ${lab.to} as a whole`)
  }
}

// The control plane machine first: workers wait for it. It is upgraded in any case.
function placesOf({ controlPlane, workers }: Batch, stage: Stage, relay: Relay): [Turn, Place][] {
  const { lab } = stage
  const shared = { stage, relay, members: [lab.controlPlane], balancer: undefined, release: releaseOf(stage) }
  const places: [Turn, Place][] = [[controlPlane, { ...shared, machine: lab.controlPlane, role: 'control-plane' }]]
  for (const [i, turn] of workers.entries()) {
    const machine = lab.workers[i]
    if (machine === undefined) throw new Error(`There are only ${lab.workers.length} workers.`)
    places.push([turn, { ...shared, machine, role: 'worker' }])
  }
  return places
}

function report({ row, hit, result, seconds, isJudged, isGood }: Played): void {
  const word = !isJudged ? 'not judged' : isGood ? 'passed' : 'FAILED'
  console.log(`  ${word}  ${row.id}: ${result}, ${seconds} s\n      ${hit}`)
}
