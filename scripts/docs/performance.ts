import { readFileSync } from 'node:fs'
import { busyFiguresOf, figureCells, figureHead, figuresOf, secondsAway, secondsOf } from './performance/figures.ts'
import { type Answers, probed, type Results, type Run, type Way, ways } from './performance/results.ts'
import { describeSpread, spreadOf } from './performance/statistics.ts'
import { timelineOf } from './performance/timeline.ts'
import { heading, table } from './table.ts'

/** What `npm run bench` leaves for the pages. */
export const resultsFile = 'docs/reference/performance.json'

const upgrades: readonly Way[] = ['in-place', 'rollout', 'kubeadm']

/** The page docs/reference/performance.md, from the results that are checked in. */
export function performancePage(): string {
  return pageOf(read())
}

/** The picture docs/reference/performance.svg, of the upgrade in place that the page shows. */
export function performanceTimeline(): string {
  const run = shownOf(read().runs)
  return run ? timelineOf(run) : '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>\n'
}

/** The page of some results. */
export function pageOf({ runs }: Results): string {
  const quiet = runs.filter(({ busy }) => !busy)
  const parts = [
    heading('Performance', resultsFile),
    introduction(runs),
    ...(runs.length === 0 ? [] : ['## Figures', figuresPart(runs)]),
    ...comparison(quiet, 'Next to a rollout and to kubeadm by hand'),
    ...timelinePart(quiet),
    ...comparison(
      runs.filter(({ busy }) => busy),
      'With one busy loop per core',
    ),
    ...hooksPart(quiet),
  ]
  return `${parts.join('\n\n')}\n`
}

function introduction(runs: readonly Run[]): string {
  if (runs.length === 0) return 'Nothing is measured yet: `npm run bench` makes this page.'
  const some = (value: (run: Run) => string) => [...new Set(runs.map(value))].join(' and ')
  return `What \`npm run bench\` measured: ${some(({ from, to }) => `${from} to ${to}`)} under Cluster API ${some(({ clusterApi }) => clusterApi)}, on
${some(({ cores }) => `${cores} cores`)}. Each way has a cluster of its own, with three control plane machines and three workers, one machine after the other:
in a namespace that the ExtensionConfig selects (in place), in one that it does not (rollout), and with the Cluster paused and
the commands of kubeadm's documentation run in each machine, undrained (kubeadm by hand). All take images and programs from the
same node image. Times are medians with their range.

- **in place** is from the Machine's first sign of the update, before the first UpdateMachine, until its condition UpToDate is True.
- **rollout** is from the old Machine's deletion until the new one is Ready.
- **kubeadm by hand** is from the first command in a machine, staging included, until its Node and its static pods are Ready at the target.

The API is asked for \`/readyz\` five times a second with a new connection each time, a ConfigMap is applied through the
load balancer twice a second, and the pods and the Service before them are asked five times a second. A probe without an answer within 1 s begins a gap, which lasts
until the next answer. A row is about an address: a machine that replaces another may get its address.`
}

function figuresPart(runs: readonly Run[]): string {
  const busy = busyFiguresOf(runs)
  const isMeasured = busy.some(({ isMustKept }) => isMustKept !== undefined)
  const second = isMeasured ? `\n\nWith one busy loop per core:\n\n${table(figureHead, figureCells(busy))}` : ''
  return `${table(figureHead, figureCells(figuresOf(runs)))}${second}`
}

function comparison(runs: readonly Run[], title: string): string[] {
  const measured = upgrades.filter((way) => runs.some((run) => run.way === way))
  if (measured.length === 0) return []
  const row = (what: string, cell: (way: Way) => string) => [what, ...measured.map(cell)]
  const time = (role: 'control-plane' | 'worker') => (way: Way) => {
    const spread = spreadOf(secondsOf(runs, way, role))
    return spread ? describeSpread(spread) : '–'
  }
  const rows = [
    row('control plane machine', time('control-plane')),
    row('worker', time('worker')),
    ...Object.values(probed).map((what) => row(what, (way) => answered(runs, way, what))),
  ]
  return [`## ${title}`, table(['', ...measured.map((way) => ways[way])], rows)]
}

// All addresses of one kind, in all runs.
function answered(runs: readonly Run[], way: Way, kind: string): string {
  const all = runs
    .filter((run) => run.way === way)
    .flatMap(({ answers = [] }) => answers.filter(({ what }) => what === kind || what.startsWith(`${kind} `)))
  const away = spreadOf(all.map(secondsAway))
  if (!away) return '–'
  const sum = (value: (one: Answers) => number) => all.reduce((total, one) => total + value(one), 0)
  const asked = `${sum(({ asked }) => asked)} probes`
  const gaps = sum((one) => one.away.length)
  if (gaps === 0) return `no gap; ${asked}`
  const longest = Math.max(...all.map((one) => Math.max(one.longest, one.gone)))
  return `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}; away ${describeSpread(away)}, the longest ${longest.toFixed(1)} s; ${asked}`
}

function timelinePart(runs: readonly Run[]): string[] {
  const shown = shownOf(runs)
  if (!shown) return []
  return [
    `## Where the seconds go`,
    `Run ${shown.number} in place. A step begins when the Machine's condition first names it, which is seconds after it began where
Cluster API was waiting for the next call.`,
    '![An upgrade in place, second by second](performance.svg)',
    table(['Step', 'Control plane machine', 'Worker'], stepRows(runs)),
  ]
}

function stepRows(runs: readonly Run[]): string[][] {
  const inPlace = runs.filter(({ way }) => way === 'in-place')
  const steps = [...new Set(inPlace.flatMap(({ spans = [] }) => spans.map(({ step }) => step)))]
  const cell = (step: string, role: string) => {
    const values = inPlace.flatMap(({ machines = [], spans = [] }) =>
      machines
        .filter((machine) => machine.role === role)
        .flatMap(({ machine }) => {
          const these = spans.filter((span) => span.machine === machine && span.step === step)
          return these.length === 0 ? [] : [these.reduce((sum, { begin, end }) => sum + end - begin, 0)]
        }),
    )
    const spread = spreadOf(values)
    return spread ? describeSpread(spread) : '–'
  }
  return steps.map((step) => [step, cell(step, 'control-plane'), cell(step, 'worker')])
}

// The run whose control plane machines took the median time, or nearest to it.
function shownOf(runs: readonly Run[]): Run | undefined {
  const inPlace = runs.filter(({ way, busy, machines = [] }) => way === 'in-place' && !busy && machines.length > 0)
  const secondsOfRun = (run: Run) => spreadOf(secondsOf([run], 'in-place', 'control-plane'))?.median ?? 0
  const sorted = inPlace.toSorted((a, b) => secondsOfRun(a) - secondsOfRun(b))
  return sorted[Math.floor((sorted.length - 1) / 2)]
}

function hooksPart(runs: readonly Run[]): string[] {
  const all = runs.flatMap(({ throughput = [] }) => throughput)
  if (all.length === 0) return []
  const keys = [...new Set(all.map(({ hook, connections }) => `${hook} ${connections}`))]
  const rows = keys.map((key) => {
    const [hook = '', connections = ''] = key.split(' ')
    const of = (server: string) =>
      spreadOf(
        all
          .filter((one) => one.server === server && one.hook === hook && String(one.connections) === connections)
          .map(({ perSecond }) => perSecond),
      )
    const [mine, other] = [of('this service'), of('test extension')]
    const cells = [mine, other].map((one) => (one ? describeSpread(one, '', 0) : '–'))
    return [hook, connections, ...cells, mine && other ? (mine.median / other.median).toFixed(2) : '–']
  })
  return [
    "## The hooks next to Cluster API's own test extension",
    `Calls answered in a second, of requests that Cluster API really sent, over connections that stay open. Both servers are processes
on the same machine, one is asked after the other, and the caller takes part of the processor: compare them with each other
only. The test extension is \`sigs.k8s.io/cluster-api/test/extension\`.`,
    table(['Hook', 'Connections', 'This service', 'Test extension', 'Ratio'], rows),
  ]
}

function read(): Results {
  return JSON.parse(readFileSync(new URL(`../../${resultsFile}`, import.meta.url), 'utf8'))
}
