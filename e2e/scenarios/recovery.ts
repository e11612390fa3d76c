// Proves: whatever breaks at a boundary of a step, on a worker or on a control plane, the upgrade ends by itself once it
// is over; nothing was done twice, nothing is left behind, and no machine is left between two versions.
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { moveKubeProxy, nameVersion } from '../control-plane-controller.ts'
import { relayEngine } from '../engine-relay.ts'
import { record } from '../recovery/results.ts'
import { type Batch, batchesOf, defaultTurns, shortTurns, type Turn, turnOf, wayOf } from '../recovery/rows.ts'
import { type Place, type Played, playTurn } from '../recovery/turn.ts'
import type { Role } from '../role.ts'
import { snapshot } from '../snapshot.ts'
import { onStage, type Stage } from '../stage.ts'
import { isAt } from '../verify.ts'

/** What is wanted of a run. */
export interface Wanted {
  /** Ids of the rows to play, each on a machine of its own; all that are usually played where it is empty. */
  rows: readonly string[]
  /** Whether the results are added to docs/recovery.real.json. */
  isRecorded: boolean
}

const kubeProxyMs = 120_000

type Relay = Awaited<ReturnType<typeof relayEngine>>

/** Plays rows on as many clusters as they need, one after the other. */
export async function recovery({ rows, isRecorded }: Wanted): Promise<string[]> {
  const turns = rows.length > 0 ? rows.map(turnOf) : defaultTurns()
  const found: string[] = []
  for (const batch of batchesOf(turns)) found.push(...(await playBatch(batch, isRecorded)))
  return found
}

/** The few rows that CI plays, within ten minutes, on fresh machines of the demo. */
export async function recoveryShort(): Promise<string[]> {
  const [batch] = batchesOf(shortTurns())
  return batch ? playBatch(batch, false) : []
}

/** The ids of the rows that are usually played; those of one line share a machine. */
export function listed(): string[] {
  return defaultTurns().map((turn) => turn.map(({ id }) => id).join('+'))
}

/** Throws where one of these rows does not exist. */
export function checkRows(ids: string): void {
  turnOf(ids)
}

async function playBatch(batch: Batch, isRecorded: boolean): Promise<string[]> {
  const socket = join(tmpdir(), `capd-kubeadm-upgrader-${process.pid}.sock`)
  const relay = await relayEngine(socket)
  const workers = Math.max(1, batch.workers.length)
  try {
    return await onStage({ fresh: true, workers, environment: { DOCKER_HOST: `unix://${socket}` } }, async (stage) => {
      const found: string[] = []
      const settle = async (playing: Promise<Played[]>) => {
        const all = await playing
        for (const one of all) report(one)
        found.push(...all.filter(({ isGood }) => !isGood).map(({ row, result }) => `${row.id}: ${result}`))
        if (isRecorded) await record(all, `${stage.lab.from} to ${stage.lab.to}`)
      }
      const places = placesOf(batch, stage, relay)
      // These wait for the control plane machine while it is upgraded.
      const early = places.filter(([[first]]) => first?.step === 'api-servers')
      const waiting = early.map(([turn, place]) => playTurn(turn, place))
      for (const [turn, place] of places.filter((one) => !early.includes(one))) {
        console.log(`  ${place.machine}, ${wayOf(turn, place.role)}: ${turn.map(({ id }) => id).join(' ') || 'no row'}`)
        await settle(playTurn(turn, place))
        if (place.role === 'control-plane') await moveKubeProxy(stage.lab.controlPlane, stage.lab.to)
      }
      for (const playing of waiting) await settle(playing)
      return [...found, ...(await kubeProxyBehind(stage, batch))]
    })
  } finally {
    await relay.close()
    await rm(socket, { force: true })
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
  let isNamed = false
  const release = async () => {
    if (!isNamed) await nameVersion(lab.controlPlane, lab.to)
    isNamed = true
  }
  const places: [Turn, Place][] = [
    [controlPlane, { stage, relay, machine: lab.controlPlane, role: 'control-plane', release }],
  ]
  for (const [i, turn] of workers.entries()) {
    const machine = lab.workers[i]
    if (machine === undefined) throw new Error(`There are only ${lab.workers.length} workers.`)
    places.push([turn, { stage, relay, machine, role: 'worker', release }])
  }
  return places
}

function report({ row, hit, result, seconds, isJudged, isGood }: Played): void {
  const word = !isJudged ? 'not judged' : isGood ? 'ok' : 'NOT SO'
  console.log(`  ${word}  ${row.id}: ${result}, ${seconds} s\n      ${hit}`)
}
