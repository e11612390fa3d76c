import { parseArgs } from 'node:util'
import { exitOnInterrupt } from './cli/interrupt.ts'
import { compare, runScenario } from './management/run-scenario.ts'
import type { RecoveryOptions, Result, Scenario } from './management/scenario.ts'
import { setSite } from './management/site.ts'
import { checkRows, listRows } from './recovery/rows.ts'
import { fallback } from './scenarios/fallback.ts'
import { fallbackTarget } from './scenarios/fallback-target.ts'
import { files } from './scenarios/files.ts'
import { hops } from './scenarios/hops.ts'
import { inPlace } from './scenarios/in-place.ts'
import { interrupted } from './scenarios/interrupted.ts'
import { killed } from './scenarios/killed.ts'
import { neighbours } from './scenarios/neighbours.ts'
import { pull } from './scenarios/pull.ts'
import { recovery } from './scenarios/recovery.ts'
import { recoveryShort } from './scenarios/recovery-short.ts'
import { rollout } from './scenarios/rollout.ts'
import { settings } from './scenarios/settings.ts'
import { short } from './scenarios/short.ts'
import { surge } from './scenarios/surge.ts'
import { topology } from './scenarios/topology.ts'
import { trouble } from './scenarios/trouble.ts'
import { upstream } from './scenarios/upstream.ts'

// In the order in which they run.
const scenarios: Record<string, Scenario> = {
  killed,
  trouble,
  pull,
  recovery,
  'recovery-short': recoveryShort,
  'in-place': inPlace,
  rollout,
  surge,
  files,
  settings,
  fallback,
  'fallback-target': fallbackTarget,
  topology,
  interrupted,
  neighbours,
  hops,
  upstream,
  short,
}

// They repeat parts of others, so they run only when they are named.
const onlyNamed = ['short', 'recovery-short']

interface RunOptions extends RecoveryOptions {
  names: string[]
  atOnce: number
}

const options = {
  'at-once': { type: 'string', default: '1' },
  rows: { type: 'string', default: '' },
  record: { type: 'boolean', default: false },
  members: { type: 'string', default: '1' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean' },
} as const

const usage = `Usage: npm run e2e [-- scenario ...]

Runs scenarios on the lab's machines; without a name all but "short" and
"recovery-short", which are parts of others. Each file in e2e/scenarios
states what it proves.

  without Cluster API   ${namesOn('lab').join(', ')}
  under Cluster API     ${namesOn('management cluster').join(', ')}

  --at-once <n>   how many of those under Cluster API run at the same time, each with its own cluster; default 1. Two cores
                  are enough for two. "interrupted" and "fallback-target" restart the extension, which all share.
  --rows <a,b>    only these rows of "recovery", each on its own machine; a+b run one after the other on one machine.
                  recovery <row ...> and recovery:<row> do the same.
  --members 3     run rows of control plane machines in clusters with three of them, made by Cluster API; default 1
  --list          print the rows of "recovery"
  --record        add the results of "recovery" to docs/reference/recovery.real.json
  --help          show this

Results and timelines of those under Cluster API are written to e2e/results. "in-place" and "rollout" in one run are
also compared there. Exit code 0 when every scenario passed, else 1.`

exitOnInterrupt([
  'Stopped. Machines and clusters stay as they are; a scenario that is run again makes new ones.',
  'Next: run it again, or remove everything with: npm run lab -- down',
])
process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const options = read(args)
  if (typeof options === 'number') return options
  const failed = await runOnLab(options)
  return failed + (await runManaged(options)) === 0 ? 0 : 1
}

// Returns how many scenarios failed.
async function runOnLab(options: RunOptions): Promise<number> {
  let failed = 0
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (scenario.on !== 'lab' || !options.names.includes(name)) continue
    failed += await report(name, async () => {
      const problems: string[] = []
      const expect = (ok: boolean, problem: string) => void (ok || problems.push(problem))
      await scenario.run({ expect, options }).catch((thrown: Error) => problems.push(thrown.message))
      return problems
    })
  }
  return failed
}

// Returns how many scenarios failed.
async function runManaged({ names, atOnce }: RunOptions): Promise<number> {
  const waiting = Object.entries(scenarios).flatMap(([name, scenario]) =>
    scenario.on === 'management cluster' && names.includes(name) ? [{ name, scenario }] : [],
  )
  if (waiting.length === 0) return 0
  let failed = 0
  const site = await setSite()
  const results = new Map<string, Result>()
  const runNext = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, scenario } = next
      failed += await report(name, async () => {
        const result = await runScenario(name, scenario, site)
        results.set(name, result)
        return result.problems
      })
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, runNext))
    // Measurements of scenarios that ran at the same time cannot be compared.
    if (atOnce === 1) await compare('in-place', 'rollout', results)
  } finally {
    await site.close()
  }
  return failed
}

function namesOn(place: Scenario['on']): string[] {
  return Object.entries(scenarios).flatMap(([name, { on }]) => (on === place ? [name] : []))
}

// Returns the options, or the exit code.
function read(args: string[]): RunOptions | number {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    if (values.help || values.list) {
      console.log(values.help ? usage : listRows(Number(values.members)).join('\n'))
      return 0
    }
    if (!/^[1-9]$/.test(values['at-once'])) throw new Error('--at-once takes a number from 1 to 9.')
    if (!/^[13]$/.test(values.members)) throw new Error('--members takes 1 or 3.')
    const rows = values.rows.split(',').filter(Boolean)
    const members = Number(values.members)
    const named = namesIn(positionals, rows)
    for (const row of named.rows) checkRows(row, members)
    return { ...named, atOnce: Number(values['at-once']), isRecorded: values.record, members }
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${usage}`)
    return 2
  }
}

// Rows of "recovery" may be named after --rows or in the place of scenarios.
function namesIn(positionals: readonly string[], given: readonly string[]): Pick<RunOptions, 'names' | 'rows'> {
  const all = Object.keys(scenarios)
  // Only ids of rows have a dot.
  const isRow = (word: string) => /^recovery:|\./.test(word)
  const rows = [...given, ...positionals.filter(isRow).map((word) => word.replace(/^recovery:/, ''))]
  const words = positionals.filter((word) => !isRow(word))
  const unknown = words.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Error(`There is no scenario "${unknown}".`)
  if (rows.length > 0) return { names: [...new Set([...words, 'recovery'])], rows }
  return { names: words.length > 0 ? words : all.filter((name) => !onlyNamed.includes(name)), rows }
}

// Runs a scenario and prints its result. Returns 1 when it failed.
async function report(name: string, run: () => Promise<string[]>): Promise<0 | 1> {
  const start = performance.now()
  console.log(name)
  const found = await run().catch((thrown: Error) => [thrown.message])
  for (const problem of found) console.error(`${name}  FAILED  ${problem}`)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log(`${name}: ${found.length === 0 ? 'passed' : 'failed'}, ${seconds} s\n`)
  return found.length === 0 ? 0 : 1
}
