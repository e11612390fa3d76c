import { parseArgs } from 'node:util'
import { compare, perform } from './management/run-scenario.ts'
import type { Result, Scenario } from './management/scenario.ts'
import { setSite } from './management/site.ts'
import { fallback } from './scenarios/fallback.ts'
import { fallbackTarget } from './scenarios/fallback-target.ts'
import { files } from './scenarios/files.ts'
import { hops } from './scenarios/hops.ts'
import { inPlace } from './scenarios/in-place.ts'
import { interrupted } from './scenarios/interrupted.ts'
import { killed } from './scenarios/killed.ts'
import { neighbours } from './scenarios/neighbours.ts'
import { pull } from './scenarios/pull.ts'
import { checkRows, listed, recovery, recoveryShort } from './scenarios/recovery.ts'
import { rollout } from './scenarios/rollout.ts'
import { settings } from './scenarios/settings.ts'
import { short } from './scenarios/short.ts'
import { surge } from './scenarios/surge.ts'
import { topology } from './scenarios/topology.ts'
import { trouble } from './scenarios/trouble.ts'
import { upstream } from './scenarios/upstream.ts'

// On machines of the lab, with a player in Cluster API's place. Each gives what is not as it should be.
const played: Record<string, (asked: Asked) => Promise<string[]>> = {
  killed,
  trouble,
  pull,
  recovery: ({ rows, isRecorded, members }) => recovery({ rows, isRecorded, members }),
  'recovery-short': recoveryShort,
}
// In a management cluster, under Cluster API's own controllers.
const managed: Record<string, Scenario> = {
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

// What the others show too: they run only where they are named.
const parts = ['short', 'recovery-short']

interface Asked {
  names: string[]
  atOnce: number
  // Ids of rows of "recovery".
  rows: string[]
  isRecorded: boolean
  // How many control plane machines the clusters of "recovery" have.
  members: number
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

Runs scenarios on real machines; without a name all but "short" and
"recovery-short", which are some of the others. Each file in
e2e/scenarios says what it proves.

  without Cluster API   ${Object.keys(played).join(', ')}
  under Cluster API     ${Object.keys(managed).join(', ')}

  --at-once <n>   how many of those under Cluster API run beside each other, each with a cluster of its own; usually 1.
                  Two cores carry two. "interrupted" and "fallback-target" restart the extension, which all share.
  --rows <a,b>    only these rows of "recovery", each on a machine of its own; a+b are played one after the other on one
                  machine. recovery <row ...> and recovery:<row> do the same.
  --members 3     play rows of control plane machines in clusters with three, which Cluster API makes; usually one
  --list          print the rows of "recovery"
  --record        add the results of "recovery" to docs/recovery.real.json
  --help          show this

Results and timelines of those under Cluster API are left in e2e/results; "in-place" and "rollout" in one run are
compared there, too. Exit code 0 when every scenario passed, else 1.`

// The lab's own listeners run first: they end the programs that it has started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => setImmediate(stop))
process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const asked = read(args)
  if (typeof asked === 'number') return asked
  let failed = 0
  for (const [name, scenario] of Object.entries(played)) {
    if (asked.names.includes(name)) failed += await report(name, () => scenario(asked))
  }
  const waiting = Object.entries(managed).filter(([name]) => asked.names.includes(name))
  if (waiting.length === 0) return failed === 0 ? 0 : 1
  const site = await setSite()
  const results = new Map<string, Result>()
  const perNext = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, scenario] = next
      failed += await report(name, async () => {
        const result = await perform(name, scenario, site)
        results.set(name, result)
        return result.problems
      })
    }
  }
  try {
    await Promise.all(Array.from({ length: asked.atOnce }, perNext))
    // Beside others nothing is measured that could be compared.
    if (asked.atOnce === 1) await compare('in-place', 'rollout', results)
  } finally {
    await site.close()
  }
  return failed === 0 ? 0 : 1
}

function stop(): never {
  console.error('\nStopped. Machines and clusters stay as they are; a scenario that is run again makes new ones.')
  console.error('Next: run it again, or remove everything with: npm run lab -- down')
  process.exit(130)
}

// What is asked for, or the exit code.
function read(args: string[]): Asked | number {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    if (values.help || values.list) {
      console.log(values.help ? usage : listed(Number(values.members)).join('\n'))
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

// The scenarios that are named, and the rows of "recovery" that are named in their place or after --rows.
function namesIn(positionals: readonly string[], asked: readonly string[]): Pick<Asked, 'names' | 'rows'> {
  const all = [...Object.keys(played), ...Object.keys(managed)]
  // Only the id of a row has a dot.
  const isRow = (word: string) => /^recovery:|\./.test(word)
  const rows = [...asked, ...positionals.filter(isRow).map((word) => word.replace(/^recovery:/, ''))]
  const words = positionals.filter((word) => !isRow(word))
  const unknown = words.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Error(`There is no scenario "${unknown}".`)
  if (rows.length > 0) return { names: [...new Set([...words, 'recovery'])], rows }
  return { names: words.length > 0 ? words : all.filter((name) => !parts.includes(name)), rows }
}

// Runs one, and reports the result: 1 when it failed.
async function report(name: string, run: () => Promise<string[]>): Promise<0 | 1> {
  const start = performance.now()
  console.log(name)
  const found = await run().catch((thrown: Error) => [thrown.message])
  for (const problem of found) console.error(`${name}  FAILED  ${problem}`)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log(`${name}: ${found.length === 0 ? 'passed' : 'failed'}, ${seconds} s\n`)
  return found.length === 0 ? 0 : 1
}
