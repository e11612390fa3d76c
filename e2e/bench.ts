import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { brokenIn, busyFiguresOf, figureCells, figureHead, figuresOf } from '../scripts/docs/performance/figures.ts'
import { type Way, ways } from '../scripts/docs/performance/results.ts'
import { performancePage, performanceTimeline, resultsFile } from '../scripts/docs/performance.ts'
import { table } from '../scripts/docs/table.ts'
import { clusterApi, from, to } from '../scripts/lab/host/versions.ts'
import { clusterMeasures } from './bench/clusters.ts'
import { type Kept, openKept, writeWhole } from './bench/finished-runs.ts'
import { hookThroughput } from './bench/hook-throughput.ts'
import { type Bench, orchestrate } from './bench/orchestrate.ts'
import { singleMember } from './bench/single.ts'
import { type Site, setSite } from './management/site.ts'

const root = join(import.meta.dirname, '..')
const allWays = Object.keys(ways) as Way[]

const usage = `Usage: npm run bench [-- options] [-- way ...]

Measures upgrades next to each other on real machines, and writes docs/performance.md: three control plane machines and
three workers in a cluster of its own for each way. Without a way all of them: ${allWays.join(', ')}.
Finished runs are kept in e2e/results/bench.json and not repeated; Ctrl-C loses only the run that is under way.

  --runs <n>   how many runs of each way, alternating; usually 3
  --busy       with one busy loop per core during the measurement
  --fresh      forget finished runs of these ways, with or without --busy as given
  --print      run nothing, print the figures of what is finished and write the page
  --help       show this

Exit code 0 when every run succeeded and every "must" that was measured holds, else 1; 2 when called wrongly; 130 after Ctrl-C.`

const options = {
  runs: { type: 'string', default: '3' },
  busy: { type: 'boolean', default: false },
  fresh: { type: 'boolean', default: false },
  print: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

// The lab's own listeners run first: they end the programs that it has started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => setImmediate(stop))
process.exitCode = await main(process.argv.slice(2))

interface Asked extends Pick<Bench, 'ways' | 'runs' | 'busy'> {
  fresh: boolean
  print: boolean
}

async function main(args: string[]): Promise<number> {
  const asked = read(args)
  if (typeof asked === 'number') return asked
  try {
    const kept = await openKept(join(root, 'e2e/results/bench.json'))
    const failed = asked.print ? 0 : await measure(asked, kept)
    return (await report(kept)) === 0 && failed === 0 ? 0 : 1
  } catch (thrown) {
    console.error((thrown as Error).message)
    return 1
  }
}

async function measure({ ways, runs, busy, fresh }: Asked, kept: Kept): Promise<number> {
  if (fresh) await kept.forget((run) => ways.includes(run.way) && run.busy === busy)
  let site: Promise<Site> | undefined
  const measures = {
    ...clusterMeasures(() => {
      site ??= setSite()
      return site
    }),
    single: singleMember,
    hooks: hookThroughput,
  }
  const setting = { from, to, clusterApi, cores: availableParallelism() }
  try {
    return await orchestrate({ ways, runs, busy, setting }, kept, measures, (line) => console.log(line))
  } finally {
    await (await site?.catch(() => undefined))?.close()
  }
}

// Prints the figures and writes the page. Gives how many rows have a must that does not hold.
async function report(kept: Kept): Promise<number> {
  const runs = [...kept.runs()]
  const quiet = figuresOf(runs)
  const busy = busyFiguresOf(runs)
  console.log(`\n${table(figureHead, figureCells(quiet))}`)
  console.log(`\nWith one busy loop per core:\n\n${table(figureHead, figureCells(busy))}`)
  if (runs.length > 0) {
    await writeWhole(join(root, resultsFile), { runs })
    await writeFile(join(root, 'docs/performance.md'), performancePage())
    await writeFile(join(root, 'docs/performance.svg'), performanceTimeline())
    console.log('\nwrote docs/performance.json, docs/performance.md and docs/performance.svg')
  }
  return brokenIn([...quiet, ...busy])
}

function stop(): never {
  console.error('\nStopped. Finished runs are kept; the same command goes on with the others.')
  process.exit(130)
}

// What is asked for, or the exit code.
function read(args: string[]): Asked | number {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    if (values.help) {
      console.log(usage)
      return 0
    }
    if (!/^[1-9]\d?$/.test(values.runs)) throw new Error('--runs takes a number from 1 to 99.')
    const unknown = positionals.find((way) => !allWays.includes(way as Way))
    if (unknown !== undefined) throw new Error(`There is no way "${unknown}".`)
    const asked = allWays.filter((way) => positionals.length === 0 || positionals.includes(way))
    return { ways: asked, runs: Number(values.runs), busy: values.busy, fresh: values.fresh, print: values.print }
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${usage}`)
    return 2
  }
}
