import { parseArgs } from 'node:util'
import { perform, type Scenario } from './management/scenario.ts'
import { setSite } from './management/site.ts'
import { fallback } from './scenarios/fallback.ts'
import { fallbackTarget } from './scenarios/fallback-target.ts'
import { files } from './scenarios/files.ts'
import { inPlace } from './scenarios/in-place.ts'
import { interrupted } from './scenarios/interrupted.ts'
import { killed } from './scenarios/killed.ts'
import { neighbours } from './scenarios/neighbours.ts'
import { pull } from './scenarios/pull.ts'
import { short } from './scenarios/short.ts'
import { surge } from './scenarios/surge.ts'
import { topology } from './scenarios/topology.ts'
import { trouble } from './scenarios/trouble.ts'

// On machines of the lab, with a player in Cluster API's place. Each gives what is not as it should be.
const played: Record<string, () => Promise<string[]>> = { killed, trouble, pull }
// In a management cluster, under Cluster API's own controllers.
const managed: Record<string, Scenario> = {
  'in-place': inPlace,
  surge,
  files,
  fallback,
  'fallback-target': fallbackTarget,
  topology,
  interrupted,
  neighbours,
  short,
}

const usage = `Usage: npm run e2e [-- scenario ...]

Runs scenarios on real machines; without a name all but "short", which is some of the others. Each file in e2e/scenarios says what it proves.

  without Cluster API   ${Object.keys(played).join(', ')}
  under Cluster API     ${Object.keys(managed).join(', ')}

Results and timelines of those under Cluster API are left in e2e/results. Exit code 0 when all is so, else 1.`

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const names = read(args)
  if (typeof names === 'number') return names
  let failed = 0
  for (const name of Object.keys(played).filter((name) => names.includes(name))) {
    failed += await report(name, async () => (await played[name]?.()) ?? [])
  }
  const inCluster = Object.keys(managed).filter((name) => names.includes(name))
  if (inCluster.length === 0) return failed === 0 ? 0 : 1
  const site = await setSite()
  try {
    for (const name of inCluster) failed += await report(name, () => perform(name, managed[name] as Scenario, site))
  } finally {
    await site.close()
  }
  return failed === 0 ? 0 : 1
}

// The scenarios that are asked for, or the exit code.
function read(args: string[]): string[] | number {
  const all = [...Object.keys(played), ...Object.keys(managed)]
  try {
    const { values, positionals } = parseArgs({ args, options: { help: { type: 'boolean' } }, allowPositionals: true })
    if (values.help) {
      console.log(usage)
      return 0
    }
    const unknown = positionals.find((name) => !all.includes(name))
    if (unknown !== undefined) throw new Error(`There is no scenario "${unknown}".`)
    // What `short` shows the others show too.
    return positionals.length > 0 ? positionals : all.filter((name) => name !== 'short')
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${usage}`)
    return 2
  }
}

// Runs one, and says how it went: 1 when something is not so.
async function report(name: string, run: () => Promise<string[]>): Promise<0 | 1> {
  const start = performance.now()
  console.log(name)
  const found = await run().catch((thrown: Error) => [thrown.message])
  for (const problem of found) console.error(`  NOT SO  ${problem}`)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log(`${name}: ${found.length === 0 ? 'all is so' : 'failed'}, ${seconds} s\n`)
  return found.length === 0 ? 0 : 1
}
