import { setTimeout as sleep } from 'node:timers/promises'
import type { EngineRelay } from '../player/engine-relay.ts'
import type { Stage } from '../player/stage.ts'
import { inMachine } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { type Callers, call, type DesiredFile } from './callers.ts'
import { type Fault, faultOf, filesDirectory, prepareFaults } from './faults.ts'
import { hold } from './hold.ts'
import { signOf } from './moments.ts'
import { type AllowedDifferences, readInitialState, readRestState } from './rest-state.ts'
import { type Row, type Turn, wayOf } from './rows.ts'
import type { UpgradeWay } from './steps.ts'
import { describeProgress, isAtBoundary, isPast, type MachineWatch, type Progress, watchMachine } from './watch.ts'

/** The result of a row. */
export interface RowResult {
  row: Row
  way: UpgradeWay
  /** The machine's progress when the fault started and, if different, right after that. */
  hit: string
  /** Where the machine is at rest: "at v1.35.4", or what failed. */
  result: string
  /** False when the boundary was not met, or the restarted machine has another address. */
  isConclusive: boolean
  isPassed: boolean
  /** From the start of the fault until the service reported done, or until the limit. */
  seconds: number
}

/** The machine of a turn. */
export interface TurnTarget {
  stage: Stage
  relay: EngineRelay
  machine: string
  role: Role
  /** The control plane machines of its cluster. */
  members: readonly string[]
  /** The container of their load balancer, made by Cluster API's Docker provider; undefined when there is none. */
  balancer: string | undefined
  /** Allows the upgrade of the control plane. Called after the faults that come before it. */
  release: () => Promise<void>
}

// The limit for the upgrade after the last fault.
const limitMs = 600_000
// The limit for a boundary.
const boundaryMs = 900_000

interface InjectedFault {
  row: Row
  hit: string
  at: number
  /** Why the row is inconclusive. */
  problem?: string
  /** What failed during the fault. */
  wrong?: string[]
}

interface TurnContext extends TurnTarget {
  way: UpgradeWay
  watch: MachineWatch
  callers: Callers
}

function allFailed(turn: Turn, role: Role, reason: string): RowResult[] {
  const way = wayOf(turn, role)
  return turn.map((row) => ({ row, way, hit: '', result: reason, isConclusive: false, isPassed: false, seconds: 0 }))
}

/** Upgrades one machine, injects the faults of the turn's rows one after the other, and verifies the machine at rest. */
export async function playTurn(turn: Turn, place: TurnTarget): Promise<RowResult[]> {
  return play(turn, place).catch((thrown: Error) => allFailed(turn, place.role, thrown.message))
}

async function play(turn: Turn, place: TurnTarget): Promise<RowResult[]> {
  const { stage, machine, role } = place
  const way = wayOf(turn, role)
  const settings: Record<string, string> = way === 'one-by-one' ? { exchange: way } : {}
  const before = await readInitialState(machine, stage.lab.controlPlane)
  const watch = await watchMachine(machine)
  const isDoubled = turn.some(({ fault }) => fault === 'replica-kill')
  await prepareFaults(turn, place)
  const file = turn.some(({ step }) => step === 'files') ? fileOf(machine) : undefined
  const callers = call({ stage, role, machine, file, settings }, isDoubled ? await stage.replica() : undefined)
  const allowed: AllowedDifferences = { restarted: false, starts: new Map() }
  const injected: InjectedFault[] = []
  try {
    if (turn[0]?.step !== 'kubeadm-config') await place.release()
    for (const row of turn) {
      injected.push(await inject(row, { ...place, way, watch, callers }, allowed))
      await place.release()
    }
    const isDone = await untilDone(callers)
    const ended = Date.now()
    await callers.stop()
    const rest = await readRestState({ lab: stage.lab, role, way, before, balancer: place.balancer }, allowed)
    const wrong = [...(isDone ? [] : [`not done: ${callers.last?.message ?? 'no answer'}`]), ...rest.problems]
    if (file && (await contentIn(machine, file.path)) !== file.content)
      wrong.push(`${file.path} has other content than requested`)
    return injected.map((one, i) => {
      const shared = injected.slice(0, i).map(({ row: { step, boundary, fault } }) => `${step} ${boundary} ${fault}`)
      return played(one, { way, place: rest.place, wrong, ended, shared, lab: stage.lab })
    })
  } finally {
    await callers.stop()
    await watch.stop().catch(() => {})
  }
}

// Waits for the boundary of a row, injects its fault and removes it.
async function inject(row: Row, context: TurnContext, allowed: AllowedDifferences): Promise<InjectedFault> {
  const { watch, callers } = context
  const fault = faultOf(row, context)
  const met = await waitForBoundary(row, context, fault)
  if (!met) return missed(row)
  const { seen, facts } = met
  const at = Date.now()
  callers.forget()
  const began = await fault.begin()
  await met.release()
  const then = row.fault === 'container-kill' ? undefined : await nextProgress(watch)
  if (row.fault === 'container-kill') allowRestart(allowed, seen.units)
  if (fault.isUndoing) allowAgain(allowed)
  console.log(`  ${row.id}: ${describeProgress(seen)}${facts}`)
  await untilOver(fault, callers)
  const { unjudged, wrong = [], note } = await fault.end()
  const after =
    then && describeProgress(then) !== describeProgress(seen) ? `; right after: ${describeProgress(then)}` : ''
  const codes = [...callers.codes.keys()]
  const reported = codes.length > 0 ? `; reported ${codes.join(', ')}` : ''
  const notes = [began, note].map((text) => (text ? `; ${text}` : ''))
  const hit = `${describeProgress(seen)}${facts}${after}${reported}${notes.join('')}`
  return { row, hit, at, wrong, ...(unjudged === undefined ? {} : { problem: unjudged }) }
}

async function untilOver({ lasts }: Fault, { codes }: Callers): Promise<void> {
  const until = Date.now() + ('seconds' in lasts ? lasts.seconds : lasts.reported) * 1000
  const isReported = () => 'reported' in lasts && (lasts.code === undefined ? codes.size > 0 : codes.has(lasts.code))
  while (Date.now() < until && !isReported()) await sleep(200)
}

// A boundary that was met. `release` continues a held unit.
interface MetBoundary {
  seen: Progress
  facts: string
  release: () => Promise<void>
}

async function waitForBoundary(
  row: Row,
  context: TurnContext,
  { isStanding }: Fault,
): Promise<MetBoundary | undefined> {
  const { watch, machine, way } = context
  const sign = signOf(row.step, row.boundary)
  const holding = sign && (await hold(machine, row.step, sign))
  const isMet = () => (holding ? holding.held !== undefined : isAtBoundary(row.step, row.boundary, watch.progress, way))
  for (const limit = Date.now() + boundaryMs; !isMet(); await sleep(20)) {
    const isTooLate = isPast(row.step, watch.progress, way) || Date.now() > limit
    if (!isTooLate) continue
    await holding?.stop()
    if (!isStanding) return undefined
    break
  }
  if (!holding?.held) return { seen: watch.progress, facts: '', release: async () => {} }
  // The watch lags a moment behind.
  const seen = await nextProgress(watch)
  return { seen, facts: `, held (${holding.held.facts})`, release: holding.held.release }
}

// The watch reads several times a second.
async function nextProgress(watch: MachineWatch) {
  await sleep(400)
  return watch.progress
}

// A unit that ran when its container was killed may start once more.
function allowRestart(allowed: AllowedDifferences, units: ReadonlyMap<string, string>): void {
  allowed.restarted = true
  const running = [...units].filter(([, sub]) => sub === 'running')
  allowOnceMore(
    allowed,
    running.map(([step]) => step),
  )
}

// After an undone exchange the static pods are rendered and prepared again.
function allowAgain(allowed: AllowedDifferences): void {
  allowOnceMore(allowed, ['render', 'prepare'])
}

function allowOnceMore(allowed: AllowedDifferences, steps: readonly string[]): void {
  const starts = new Map(allowed.starts)
  for (const step of steps) starts.set(step, (starts.get(step) ?? 1) + 1)
  allowed.starts = starts
}

function missed(row: Row): InjectedFault {
  return { row, hit: 'not met', at: Date.now(), problem: 'the boundary was not met' }
}

// Larger than the free space of the full disk.
function fileOf(machine: string): DesiredFile {
  return { path: `${filesDirectory}/of-${machine}.conf`, content: `${machine}\n`.repeat(2000).trimEnd() }
}

async function contentIn(machine: string, path: string): Promise<string> {
  return inMachine(machine, ['cat', path]).catch(() => '')
}

// A failure is retried, as Cluster API does.
async function untilDone(callers: Callers): Promise<boolean> {
  for (const limit = Date.now() + limitMs; Date.now() < limit; await sleep(200)) {
    if (callers.last?.phase === 'Done') return true
  }
  return false
}

interface TurnEnd {
  way: UpgradeWay
  place: 'target' | 'old' | 'between'
  wrong: readonly string[]
  ended: number
  // Earlier faults of the same upgrade.
  shared: readonly string[]
  lab: { from: string; to: string }
}

function played({ row, hit, at, problem, wrong: meanwhile = [] }: InjectedFault, ending: TurnEnd): RowResult {
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
    isConclusive: problem === undefined,
    isPassed: problem === undefined && wrong.length === 0,
    seconds: Math.round((ended - at) / 1000),
  }
}
