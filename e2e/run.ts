import { faults } from './scenarios/faults.ts'
import { interrupted } from './scenarios/interrupted.ts'
import { pull } from './scenarios/pull.ts'

// Each gives what is not as it should be; its file says what it proves.
const scenarios: Record<string, () => Promise<string[]>> = { interrupted, faults, pull }

const names = process.argv.slice(2)
const unknown = names.filter((name) => !Object.hasOwn(scenarios, name) && name !== '--help')
if (names.includes('--help') || unknown.length > 0) {
  const usage = `Usage: npm run e2e [-- scenario ...]\n\nRuns scenarios on real machines, each on new ones: ${Object.keys(scenarios).join(', ')}. Without a name: all.`
  console.log(usage)
  process.exit(unknown.length > 0 ? 2 : 0)
}

let failed = 0
for (const [name, scenario] of Object.entries(scenarios)) {
  if (names.length > 0 && !names.includes(name)) continue
  const start = performance.now()
  console.log(`${name}`)
  const found = await scenario().catch((thrown: Error) => [thrown.message])
  for (const problem of found) console.error(`  NOT SO  ${problem}`)
  if (found.length > 0) failed++
  console.log(
    `${name}: ${found.length === 0 ? 'all is so' : 'failed'}, ${((performance.now() - start) / 1000).toFixed(0)} s\n`,
  )
}
process.exit(failed === 0 ? 0 : 1)
