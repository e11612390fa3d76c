import { type Answers, type MachineTime, probed, type Run, type Way } from './results.ts'
import { describeSpread, spreadOf } from './statistics.ts'

/** One row of what an upgrade in place has to keep. */
export interface Figure {
  what: string
  must: string
  goal: string
  measured: string
  /** Undefined where it was not measured or is not asked for. */
  isMustKept: boolean | undefined
  isGoalKept: boolean | undefined
}

interface FigureLimits {
  must: number
  goal: number
  unit: string
  digits: number
}

/** All rows, from the runs without busy loops. */
export function figuresOf(all: readonly Run[]): Figure[] {
  const runs = all.filter(({ busy }) => !busy)
  const seconds = (must: number, goal: number): FigureLimits => ({ must, goal, unit: ' s', digits: 1 })
  return [
    ratio('control plane machine, first UpdateMachine to UpToDate, divided by a replaced one', runs, 'control-plane', {
      must: 0.75,
      goal: 0.5,
    }),
    limited("the member's own API away, in all", awayOfMembers(runs), seconds(15, 10)),
    ...withoutGap(runs).slice(0, 2),
    limited('single member, first call to Ready at the target', readyOf(runs), seconds(45, 35)),
    ratio('worker, first UpdateMachine to UpToDate, divided by a replaced one', runs, 'worker', {
      must: 0.8,
      goal: 0.5,
    }),
    ...withoutGap(runs).slice(2),
  ]
}

/** The rows that also have to be kept with one busy loop per core. */
export function busyFiguresOf(all: readonly Run[]): Figure[] {
  return withoutGap(all.filter(({ busy }) => busy))
}

/** How many rows have a must that is not kept. */
export function brokenIn(figures: readonly Figure[]): number {
  return figures.filter(({ isMustKept }) => isMustKept === false).length
}

/** The cells of a table of figures, without its head. */
export function figureCells(figures: readonly Figure[]): string[][] {
  const verdict = (isKept: boolean | undefined, limit: string) =>
    limit === '' ? '' : `${limit}: ${isKept === undefined ? 'not measured' : isKept ? 'holds' : '**does not hold**'}`
  return figures.map(({ what, must, goal, measured, isMustKept, isGoalKept }) => [
    what,
    measured,
    verdict(isMustKept, must),
    verdict(isGoalKept, goal),
  ])
}

export const figureHead = ['Three members, one worker after the other', 'Measured', 'Must', 'Goal']

/** Seconds of every machine of a role, from all runs of a way. */
export function secondsOf(runs: readonly Run[], way: Way, role: MachineTime['role']): number[] {
  return machinesOf(runs, way)
    .filter((machine) => machine.role === role)
    .map(({ begin, end }) => end - begin)
}

function machinesOf(runs: readonly Run[], way: Way): MachineTime[] {
  return runs.filter((run) => run.way === way).flatMap(({ machines = [] }) => machines)
}

function answersOf(runs: readonly Run[], isMeant: (what: string) => boolean): Answers[] {
  return runs
    .filter(({ way }) => way === 'in-place')
    .flatMap(({ answers = [] }) => answers.filter(({ what }) => isMeant(what)))
}

function awayOfMembers(runs: readonly Run[]): number[] {
  return answersOf(runs, (what) => what.startsWith(probed.member)).map(secondsAway)
}

/** Seconds without an answer, whether it came back or not. */
export function secondsAway({ seconds, gone }: Answers): number {
  return seconds + gone
}

function readyOf(runs: readonly Run[]): number[] {
  return machinesOf(runs, 'single')
    .filter(({ ready }) => ready !== undefined)
    .map(({ begin, ready = begin }) => ready - begin)
}

function ratio(
  what: string,
  runs: readonly Run[],
  role: MachineTime['role'],
  { must, goal }: Pick<FigureLimits, 'must' | 'goal'>,
): Figure {
  const [mine, other] = [spreadOf(secondsOf(runs, 'in-place', role)), spreadOf(secondsOf(runs, 'rollout', role))]
  const limits = { must: `≤ ${must}`, goal: `≤ ${goal}` }
  if (!mine || !other) return { what, ...limits, ...notMeasured }
  const value = mine.median / other.median
  const measured = `${value.toFixed(2)}: ${describeSpread(mine)} by ${describeSpread(other)}`
  return { what, ...limits, measured, isMustKept: value <= must, isGoalKept: value <= goal }
}

function limited(what: string, values: readonly number[], { must, goal, unit, digits }: FigureLimits): Figure {
  const limits = { must: `≤ ${must}${unit}`, goal: `≤ ${goal}${unit}` }
  const found = spreadOf(values)
  if (!found) return { what, ...limits, ...notMeasured }
  return {
    what,
    ...limits,
    measured: describeSpread(found, unit, digits),
    isMustKept: found.median <= must,
    isGoalKept: found.median <= goal,
  }
}

// The API, a write, and what the workers serve.
function withoutGap(runs: readonly Run[]): Figure[] {
  const isServed = (what: string) => what.startsWith(probed.pod) || what === probed.service
  const none = { must: 'no gap', goal: 'no gap' }
  const restarted = runs.filter(({ way }) => way === 'in-place').flatMap(({ restarted: pods = [] }) => pods)
  return [
    gapless(
      'API through the load balancer, a new connection five times a second, limit 1 s',
      answersOf(runs, (what) => what === probed.balancer),
      none,
    ),
    gapless(
      'a write through the load balancer twice a second, limit 1 s',
      answersOf(runs, (what) => what === probed.write),
      none,
    ),
    gapless(
      'pods on workers and the Service before them',
      answersOf(runs, isServed),
      { must: 'no gap, no restart', goal: '' },
      restarted,
    ),
  ]
}

function gapless(
  what: string,
  answers: readonly Answers[],
  limits: Pick<Figure, 'must' | 'goal'>,
  restarted: readonly string[] = [],
): Figure {
  if (answers.length === 0) return { what, ...limits, ...notMeasured }
  const sum = (value: (one: Answers) => number) => answers.reduce((total, one) => total + value(one), 0)
  const gaps = sum((one) => one.away.length)
  const found =
    gaps === 0 ? 'no gap' : `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}, ${sum(secondsAway).toFixed(1)} s in all`
  const restarts = restarted.length === 0 ? '' : `; restarted: ${restarted.join(', ')}`
  const isKept = gaps === 0 && restarted.length === 0
  return {
    what,
    ...limits,
    measured: `${found} in ${sum(({ asked }) => asked)} questions${restarts}`,
    isMustKept: isKept,
    isGoalKept: limits.goal === '' ? undefined : isKept,
  }
}

const notMeasured = { measured: 'not measured', isMustKept: undefined, isGoalKept: undefined }
