import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { brokenIn, busyFiguresOf, figureCells, figureHead, figuresOf } from '../scripts/docs/performance/figures.ts'
import { type Way, ways } from '../scripts/docs/performance/results.ts'
import { performancePage, performanceTimeline, resultsFile } from '../scripts/docs/performance.ts'
import { table } from '../scripts/docs/table.ts'
import { ladder } from '../scripts/lab/engine/ladder.ts'
import { clusterApi } from '../scripts/lab/host/versions.ts'
import { clusterMeasures } from './bench/clusters.ts'
import { type FinishedRuns, openFinishedRuns, writeAtomically } from './bench/finished-runs.ts'
import { hookThroughput } from './bench/hook-throughput.ts'
import { type Bench, orchestrate } from './bench/orchestrate.ts'
import { singleMember } from './bench/single.ts'
import { exitOnInterrupt } from './cli/interrupt.ts'
import { type Site, setSite } from './management/site.ts'

const root = join(import.meta.dirname, '..')
const allWays = Object.keys(ways) as Way[]

const usage = `Usage: npm run bench [-- options] [-- way ...]

Measures the ways of an upgrade on the lab's machines and writes docs/reference/performance.md. Each way has its own cluster with
three control plane machines and three workers. Without a way all of them: ${allWays.join(', ')}.
Finished runs are kept in e2e/results/bench.json and are not repeated; Ctrl-C loses only the current run.

  --runs <n>   how many runs of each way, alternating; default 3
  --busy       with one busy loop per core during the measurement
  --fresh      forget finished runs of these ways, with or without --busy as given
  --print      print the figures of finished runs and write the page, without a run
  --help       show this

Exit code 0 when every run succeeded and every "must" that was measured holds, else 1; 2 when called wrongly; 130 after Ctrl-C.`

const options = {
  runs: { type: 'string', default: '3' },
  busy: { type: 'boolean', default: false },
  fresh: { type: 'boolean', default: false },
  print: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

exitOnInterrupt(['Stopped. Finished runs are kept; the same command continues with the others.'])
process.exitCode = await main(process.argv.slice(2))

interface BenchOptions extends Pick<Bench, 'ways' | 'runs' | 'busy'> {
  fresh: boolean
  print: boolean
}

async function main(args: string[]): Promise<number> {
  const given = read(args)
  if (typeof given === 'number') return given
  try {
    const finished = await openFinishedRuns(join(root, 'e2e/results/bench.json'))
    const failed = given.print ? 0 : await measure(given, finished)
    return (await report(finished)) === 0 && failed === 0 ? 0 : 1
  } catch (thrown) {
    console.error((thrown as Error).message)
    return 1
  }
}

async function measure({ ways, runs, busy, fresh }: BenchOptions, finished: FinishedRuns): Promise<number> {
  if (fresh) await finished.remove((run) => ways.includes(run.way) && run.busy === busy)
  let site: Promise<Site> | undefined
  const measures = {
    ...clusterMeasures(() => {
      site ??= setSite()
      return site
    }),
    single: singleMember,
    hooks: hookThroughput,
  }
  const { from, to } = await ladder()
  const setting = { from, to, clusterApi, cores: availableParallelism() }
  try {
    return await orchestrate({ ways, runs, busy, setting }, finished, measures, (line) => console.log(line))
  } finally {
    await (await site?.catch(() => undefined))?.close()
  }
}

// Prints the figures and writes the page. Returns how many required figures are missed.
async function report(finished: FinishedRuns): Promise<number> {
  const runs = [...finished.runs()]
  const quiet = figuresOf(runs)
  const busy = busyFiguresOf(runs)
  console.log(`\n${table(figureHead, figureCells(quiet))}`)
  console.log(`\nWith one busy loop per core:\n\n${table(figureHead, figureCells(busy))}`)
  if (runs.length > 0) {
    await writeAtomically(join(root, resultsFile), { runs })
    await writeFile(join(root, 'docs/reference/performance.md'), performancePage())
    await writeFile(join(root, 'docs/reference/performance.svg'), performanceTimeline())
    console.log(
      '\nwrote docs/reference/performance.json, docs/reference/performance.md and docs/reference/performance.svg',
    )
  }
  return brokenIn([...quiet, ...busy])
}

// Returns the options, or the exit code.
function read(args: string[]): BenchOptions | number {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    if (values.help) {
      console.log(usage)
      return 0
    }
    if (!/^[1-9]\d?$/.test(values.runs)) throw new Error('--runs takes a number from 1 to 99.')
    const unknown = positionals.find((way) => !allWays.includes(way as Way))
    if (unknown !== undefined) throw new Error(`There is no way "${unknown}".`)
    const chosen = allWays.filter((way) => positionals.length === 0 || positionals.includes(way))
    return { ways: chosen, runs: Number(values.runs), busy: values.busy, fresh: values.fresh, print: values.print }
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${usage}`)
    return 2
  }
}
