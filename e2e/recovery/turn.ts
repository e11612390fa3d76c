import { setTimeout as sleep } from 'node:timers/promises'
import type { relayEngine } from '../player/engine-relay.ts'
import type { Stage } from '../player/stage.ts'
import { inMachine } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { type Callers, call, type WantedFile } from './callers.ts'
import { type Fault, faultOf, filesDirectory, prepareGround } from './faults.ts'
import { hold } from './hold.ts'
import { signOf } from './moments.ts'
import { type Allowed, judge, lookBefore } from './rest-state.ts'
import { type Row, type Turn, wayOf } from './rows.ts'
import type { Way } from './steps.ts'
import { described, isAtBoundary, isPast, type Seen, type Watch, watchMachine } from './watch.ts'

/** What became of a row. */
export interface Played {
  row: Row
  way: Way
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
  /** The control plane machines of its cluster. */
  members: readonly string[]
  /** The container of the load balancer before them, as Cluster API's Docker provider makes it; undefined for none. */
  balancer: string | undefined
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
  /** Why the row proves nothing. */
  problem?: string
  /** What was not as it should be while the fault lasted. */
  wrong?: string[]
}

// Where a row is played, and by what.
interface Scene extends Place {
  way: Way
  watch: Watch
  callers: Callers
}

function allFailed(turn: Turn, role: Role, reason: string): Played[] {
  const way = wayOf(turn, role)
  return turn.map((row) => ({ row, way, hit: '', result: reason, isJudged: false, isGood: false, seconds: 0 }))
}

/** Upgrades one machine while the rows of the turn break things, one after the other, and judges where it rests. */
export async function playTurn(turn: Turn, place: Place): Promise<Played[]> {
  return play(turn, place).catch((thrown: Error) => allFailed(turn, place.role, thrown.message))
}

async function play(turn: Turn, place: Place): Promise<Played[]> {
  const { stage, machine, role } = place
  const way = wayOf(turn, role)
  const settings: Record<string, string> = way === 'one-by-one' ? { exchange: way } : {}
  const before = await lookBefore(machine, stage.lab.controlPlane)
  const watch = await watchMachine(machine)
  const isDoubled = turn.some(({ fault }) => fault === 'replica-kill')
  await prepareGround(turn, place)
  const file = turn.some(({ step }) => step === 'files') ? fileOf(machine) : undefined
  const callers = call({ stage, role, machine, file, settings }, isDoubled ? await stage.replica() : undefined)
  const allowed: Allowed = { restarted: false, starts: new Map() }
  const struck: Struck[] = []
  try {
    if (turn[0]?.step !== 'kubeadm-config') await place.release()
    for (const row of turn) {
      struck.push(await strike(row, { ...place, way, watch, callers }, allowed))
      await place.release()
    }
    const isDone = await untilDone(callers)
    const ended = Date.now()
    await callers.stop()
    const rest = await judge({ lab: stage.lab, role, way, before, balancer: place.balancer }, allowed)
    const wrong = [...(isDone ? [] : [`not done: ${callers.last?.message ?? 'no answer'}`]), ...rest.problems]
    if (file && (await contentIn(machine, file.path)) !== file.content) wrong.push(`${file.path} is not as requested`)
    return struck.map((one, i) => {
      const shared = struck.slice(0, i).map(({ row: { step, boundary, fault } }) => `${step} ${boundary} ${fault}`)
      return played(one, { way, place: rest.place, wrong, ended, shared, lab: stage.lab })
    })
  } finally {
    await callers.stop()
    await watch.stop().catch(() => {})
  }
}

// Waits for the boundary of a row and breaks what it names, until that is over.
async function strike(row: Row, scene: Scene, allowed: Allowed): Promise<Struck> {
  const { watch, callers } = scene
  const fault = faultOf(row, scene)
  const met = await meet(row, scene, fault)
  if (!met) return missed(row)
  const { seen, facts } = met
  const at = Date.now()
  callers.forget()
  const began = await fault.begin()
  await met.release()
  const then = row.fault === 'container-kill' ? undefined : await soon(watch)
  if (row.fault === 'container-kill') allow(allowed, seen.units)
  if (fault.isUndoing) allowAgain(allowed)
  console.log(`  ${row.id}: ${described(seen)}${facts}`)
  await untilOver(fault, callers)
  const { unjudged, wrong = [], note } = await fault.end()
  const after = then && described(then) !== described(seen) ? `; right after: ${described(then)}` : ''
  const codes = [...callers.codes.keys()]
  const reported = codes.length > 0 ? `; reported ${codes.join(', ')}` : ''
  const notes = [began, note].map((text) => (text ? `; ${text}` : ''))
  const hit = `${described(seen)}${facts}${after}${reported}${notes.join('')}`
  return { row, hit, at, wrong, ...(unjudged === undefined ? {} : { problem: unjudged }) }
}

async function untilOver({ lasts }: Fault, { codes }: Callers): Promise<void> {
  const until = Date.now() + ('seconds' in lasts ? lasts.seconds : lasts.reported) * 1000
  const isReported = () => 'reported' in lasts && (lasts.code === undefined ? codes.size > 0 : codes.has(lasts.code))
  while (Date.now() < until && !isReported()) await sleep(200)
}

// A boundary that was met: what the machine showed, and what lets it go on where it is held.
interface Met {
  seen: Seen
  facts: string
  release: () => Promise<void>
}

async function meet(row: Row, scene: Scene, { isStanding }: Fault): Promise<Met | undefined> {
  const { watch, machine, way } = scene
  const sign = signOf(row.step, row.boundary)
  const holding = sign && (await hold(machine, row.step, sign))
  const isMet = () => (holding ? holding.held !== undefined : isAtBoundary(row.step, row.boundary, watch.seen, way))
  for (const limit = Date.now() + boundaryMs; !isMet(); await sleep(20)) {
    const isTooLate = isPast(row.step, watch.seen, way) || Date.now() > limit
    if (!isTooLate) continue
    await holding?.stop()
    if (!isStanding) return undefined
    break
  }
  if (!holding?.held) return { seen: watch.seen, facts: '', release: async () => {} }
  // The watch is a moment behind.
  const seen = await soon(watch)
  return { seen, facts: `, held (${holding.held.facts})`, release: holding.held.release }
}

// The watch looks several times a second.
async function soon(watch: Watch) {
  await sleep(400)
  return watch.seen
}

// A unit that ran when its container was killed may start once more.
function allow(allowed: Allowed, units: ReadonlyMap<string, string>): void {
  allowed.restarted = true
  const running = [...units].filter(([, sub]) => sub === 'running')
  allowOnceMore(
    allowed,
    running.map(([step]) => step),
  )
}

// What was undone is rendered and prepared again.
function allowAgain(allowed: Allowed): void {
  allowOnceMore(allowed, ['render', 'prepare'])
}

function allowOnceMore(allowed: Allowed, steps: readonly string[]): void {
  const starts = new Map(allowed.starts)
  for (const step of steps) starts.set(step, (starts.get(step) ?? 1) + 1)
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
  way: Way
  place: 'target' | 'old' | 'between'
  wrong: readonly string[]
  ended: number
  // What had broken in the same upgrade before.
  shared: readonly string[]
  lab: { from: string; to: string }
}

function played({ row, hit, at, problem, wrong: meanwhile = [] }: Struck, ending: Ending): Played {
  const { way, place, ended, shared, lab } = ending
  const wrong = [...meanwhile, ...ending.wrong]
  const where = { target: `at ${lab.to}`, old: `at ${lab.from}`, between: 'between two versions' }[place]
  const result = problem ?? (wrong.length === 0 ? where : `${where}: ${wrong.join('; ')}`)
  const before = shared.length > 0 ? `; in the same upgrade before: ${shared.join(', ')}` : ''
  return {
    row,
    way,
    hit: `${hit}${before}`,
    result,
    isJudged: problem === undefined,
    isGood: problem === undefined && wrong.length === 0,
    seconds: Math.round((ended - at) / 1000),
  }
}
