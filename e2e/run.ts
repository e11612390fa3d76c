import { Option } from 'commander'
import { ActionFailed, commandLine, exitCodeOf, numberBetween } from '../scripts/host/command-line.ts'
import { exitOnInterrupt } from './cli/interrupt.ts'
import { compare, runScenario } from './management/run-scenario.ts'
import type { RecoveryOptions, Scenario, ScenarioResult } from './management/scenario.ts'
import { setSite } from './management/site.ts'
import { checkRows, listRows } from './recovery/rows.ts'
import { asPeopleHaveIt } from './scenarios/as-people-have-it.ts'
import { fallback } from './scenarios/fallback.ts'
import { fallbackTarget } from './scenarios/fallback-target.ts'
import { files } from './scenarios/files.ts'
import { hops } from './scenarios/hops.ts'
import { inPlace } from './scenarios/in-place.ts'
import { interrupted } from './scenarios/interrupted.ts'
import { killed } from './scenarios/killed.ts'
import { neighbours } from './scenarios/neighbours.ts'
import { ownVersion } from './scenarios/own-version.ts'
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
  'own-version': ownVersion,
  recovery,
  'recovery-short': recoveryShort,
  'in-place': inPlace,
  rollout,
  surge,
  files,
  settings,
  fallback,
  'fallback-target': fallbackTarget,
  'as-people-have-it': asPeopleHaveIt,
  topology,
  interrupted,
  neighbours,
  hops,
  upstream,
  short,
}

// They repeat parts of others, so they run only when they are named.
const onlyNamed = ['short', 'recovery-short']

interface ScenarioOptions extends RecoveryOptions {
  names: string[]
  atOnce: number
}

interface GivenOptions {
  atOnce: number
  rows?: string[]
  members: '1' | '3'
  list?: boolean
  record?: boolean
}

const program = commandLine('npm run e2e --')
  .usage('[options] [scenario ...]')
  .description(
    `Runs scenarios on the lab's machines; without a name all but "short" and "recovery-short", which are parts of others. ` +
      'Each file in e2e/scenarios states what it proves.',
  )
  .argument('[scenario...]', 'names of scenarios; recovery <row ...> and recovery:<row> do the same as --rows')
  .option(
    '--at-once <n>',
    'how many of those under Cluster API run at the same time, each with its own cluster. Two cores are enough for two. ' +
      '"interrupted" and "fallback-target" restart the extension, which all share, and ' +
      '"as-people-have-it" the Docker provider.',
    numberBetween(1, 9),
    1,
  )
  .option(
    '--rows <a,b>',
    'only these rows of "recovery", each on its own machine; a+b run one after the other on one machine',
    (text) => text.split(',').filter(Boolean),
  )
  .addOption(
    new Option(
      '--members <n>',
      '3: run rows of control plane machines in clusters with three of them, made by Cluster API',
    )
      .choices(['1', '3'])
      .default('1'),
  )
  .option('--list', 'print the rows of "recovery"')
  .option('--record', 'add the results of "recovery" to docs/reference/recovery.real.json')
  .addHelpText(
    'after',
    `
Without Cluster API:  ${namesOn('lab').join(', ')}
Under Cluster API:    ${namesOn('management cluster').join(', ')}

Results and timelines of those under Cluster API are written to e2e/results. "in-place" and "rollout" in one run are also
compared there. Exit code 0 when every scenario passed, 1 when one failed, 2 when called wrongly.`,
  )
  .action(async (words: string[], given: GivenOptions) => {
    if (given.list) console.log(listRows(Number(given.members)).join('\n'))
    else if ((await runScenarios(runOptions(words, given))) > 0) throw new ActionFailed()
  })

exitOnInterrupt([
  'Stopped. Machines and clusters stay as they are; a scenario that is run again makes new ones.',
  'Next: run it again, or remove everything with: npm run lab -- down',
])
process.exitCode = await exitCodeOf(program, process.argv.slice(2))

// Returns how many scenarios failed.
async function runScenarios(options: ScenarioOptions): Promise<number> {
  const failed = await runOnLab(options)
  return failed + (await runManaged(options))
}

// Returns how many scenarios failed.
async function runOnLab(options: ScenarioOptions): Promise<number> {
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
async function runManaged({ names, atOnce }: ScenarioOptions): Promise<number> {
  const waiting = Object.entries(scenarios).flatMap(([name, scenario]) =>
    scenario.on === 'management cluster' && names.includes(name) ? [{ name, scenario }] : [],
  )
  if (waiting.length === 0) return 0
  let failed = 0
  const site = await setSite()
  const results = new Map<string, ScenarioResult>()
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

function runOptions(words: string[], { atOnce, rows = [], record = false, ...given }: GivenOptions): ScenarioOptions {
  const members = Number(given.members)
  try {
    const named = namesIn(words, rows)
    for (const row of named.rows) checkRows(row, members)
    return { ...named, atOnce, isRecorded: record, members }
  } catch (thrown) {
    return program.error((thrown as Error).message)
  }
}

// Rows of "recovery" may be named after --rows or in the place of scenarios.
function namesIn(positionals: readonly string[], given: readonly string[]): Pick<ScenarioOptions, 'names' | 'rows'> {
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
