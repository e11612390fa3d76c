import { setTimeout as sleep } from 'node:timers/promises'
import type { relayEngine } from '../engine-relay.ts'
import { inMachine } from '../machine.ts'
import type { Role } from '../role.ts'
import type { Stage } from '../stage.ts'
import { type Callers, call, type WantedFile } from './callers.ts'
import { faultOf, filesDirectory, loseManifest } from './faults.ts'
import { type Allowed, judge, lookBefore } from './judge.ts'
import type { Row, Turn } from './rows.ts'
import { described, isAtBoundary, isPast, type Watch, watchMachine } from './watch.ts'

/** What became of a row. */
export interface Played {
  row: Row
  /** What the machine showed when the fault began and, if it differs, right after it. */
  hit: string
  /** Where the machine is at rest: "at v1.35.4", or what is wrong. */
  result: string
  /** False when the boundary was not met, or the machine came back with another address: the row proves nothing. */
  isJudged: boolean
  isGood: boolean
  /** From the beginning of the fault until the service reported the end, or until it was given up. */
  seconds: number
}

/** Where a turn is played. */
export interface Place {
  stage: Stage
  relay: Awaited<ReturnType<typeof relayEngine>>
  machine: string
  role: Role
  /** Called once the control plane may be upgraded: after what breaks before that. */
  release: () => Promise<void>
}

// Polling goes on for so long after the last fault has ended.
const limitMs = 600_000
// A boundary that has not come by then does not come.
const boundaryMs = 900_000

interface Struck {
  row: Row
  hit: string
  at: number
  problem?: string
}

function allFailed(turn: Turn, reason: string): Played[] {
  return turn.map((row) => ({ row, hit: '', result: reason, isJudged: false, isGood: false, seconds: 0 }))
}

/** Upgrades one machine while the rows of the turn break things, one after the other, and judges where it rests. */
export async function playTurn(turn: Turn, place: Place): Promise<Played[]> {
  return play(turn, place).catch((thrown: Error) => allFailed(turn, thrown.message))
}

async function play(turn: Turn, place: Place): Promise<Played[]> {
  const { stage, machine, role } = place
  const before = await lookBefore(machine, stage.lab.controlPlane)
  const watch = await watchMachine(machine)
  const isDoubled = turn.some(({ fault }) => fault === 'replica-kill')
  if (turn[0]?.step === 'manifests') await loseManifest(machine)
  const file = turn.some(({ step }) => step === 'files') ? fileOf(machine) : undefined
  const callers = call({ stage, role, machine, file }, isDoubled ? await stage.replica() : undefined)
  const allowed: Allowed = { restarted: false, starts: new Map() }
  const struck: Struck[] = []
  try {
    if (turn[0]?.step !== 'kubeadm-config') await place.release()
    for (const row of turn) {
      struck.push(await strike(row, { ...place, watch, callers }, allowed))
      await place.release()
    }
    const isDone = await untilDone(callers)
    const ended = Date.now()
    await callers.stop()
    const rest = await judge({ lab: stage.lab, role, before }, allowed)
    const wrong = [...(isDone ? [] : [`not done: ${callers.last?.message ?? 'no answer'}`]), ...rest.problems]
    if (file && (await contentIn(machine, file.path)) !== file.content) wrong.push(`${file.path} is not as requested`)
    return struck.map((one, i) => {
      const shared = struck.slice(0, i).map(({ row: { step, boundary, fault } }) => `${step} ${boundary} ${fault}`)
      return played(one, { place: rest.place, wrong, ended, shared, lab: stage.lab })
    })
  } finally {
    await callers.stop()
    await watch.stop().catch(() => {})
  }
}

// Waits for the boundary of a row and breaks what it names, until that is over.
async function strike(row: Row, ground: Place & { watch: Watch; callers: Callers }, allowed: Allowed): Promise<Struck> {
  const { watch, callers } = ground
  const fault = faultOf(row, ground)
  const limit = Date.now() + boundaryMs
  while (!isAtBoundary(row.step, row.boundary, watch.seen)) {
    if (isPast(row.step, watch.seen) || Date.now() > limit) return missed(row)
    await sleep(20)
  }
  const at = Date.now()
  const seen = watch.seen
  callers.forget()
  const began = await fault.begin()
  const then = row.fault === 'container-kill' ? undefined : await soon(watch)
  if (row.fault === 'container-kill') allow(allowed, seen.units)
  console.log(`  ${row.id}: ${described(seen)}`)
  const until = Date.now() + ('seconds' in fault.lasts ? fault.lasts.seconds : fault.lasts.reported) * 1000
  while (Date.now() < until && !('reported' in fault.lasts && callers.codes.size > 0)) await sleep(200)
  const ended = await fault.end()
  const after = then && described(then) !== described(seen) ? `; right after: ${described(then)}` : ''
  const codes = [...callers.codes]
  const reported = codes.length > 0 ? `; reported ${codes.join(', ')}` : ''
  const hit = `${described(seen)}${after}${began ? `; ${began}` : ''}${reported}`
  return { row, hit, at, ...(ended === undefined ? {} : { problem: ended }) }
}

// The watch looks several times a second.
async function soon(watch: Watch) {
  await sleep(400)
  return watch.seen
}

// A unit that ran when its container was killed may start once more.
function allow(allowed: Allowed, units: ReadonlyMap<string, string>): void {
  allowed.restarted = true
  const starts = new Map(allowed.starts)
  for (const [step, sub] of units) if (sub === 'running') starts.set(step, (starts.get(step) ?? 1) + 1)
  allowed.starts = starts
}

function missed(row: Row): Struck {
  return { row, hit: 'not met', at: Date.now(), problem: 'the boundary was not met' }
}

// Larger than what is left of a disk that is full.
function fileOf(machine: string): WantedFile {
  return { path: `${filesDirectory}/of-${machine}.conf`, content: `${machine}\n`.repeat(2000).trimEnd() }
}

async function contentIn(machine: string, path: string): Promise<string> {
  return inMachine(machine, ['cat', path]).catch(() => '')
}

// A failure is polled again, as Cluster API does.
async function untilDone(callers: Callers): Promise<boolean> {
  for (const limit = Date.now() + limitMs; Date.now() < limit; await sleep(200)) {
    if (callers.last?.phase === 'Done') return true
  }
  return false
}

interface Ending {
  place: 'target' | 'old' | 'between'
  wrong: readonly string[]
  ended: number
  // What had broken in the same upgrade before.
  shared: readonly string[]
  lab: { from: string; to: string }
}

function played({ row, hit, at, problem }: Struck, { place, wrong, ended, shared, lab }: Ending): Played {
  const where = { target: `at ${lab.to}`, old: `at ${lab.from}`, between: 'between two versions' }[place]
  const result = problem ?? (wrong.length === 0 ? where : `${where}: ${wrong.join('; ')}`)
  const before = shared.length > 0 ? `; in the same upgrade before: ${shared.join(', ')}` : ''
  return {
    row,
    hit: `${hit}${before}`,
    result,
    isJudged: problem === undefined,
    isGood: problem === undefined && wrong.length === 0,
    seconds: Math.round((ended - at) / 1000),
  }
}
