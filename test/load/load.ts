import { parseArgs } from 'node:util'
import { run } from './run.ts'
import { full, small } from './size.ts'

const usage = `Usage: npm run load [-- --small]

Starts the service and a simulated Docker engine, and shows that the service neither grows nor takes too much memory.
It ends with 0 when every limit is kept, else with 1.
  --small   a small part of the load, as npm test runs it
`

const { values } = parseArgs({
  options: { small: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
})
process.exitCode = values.help ? help() : await main()

function help(): number {
  process.stdout.write(usage)
  return 0
}

async function main(): Promise<number> {
  const start = performance.now()
  const seconds = () => ((performance.now() - start) / 1000).toFixed(0).padStart(5)
  const rows = await run(values.small ? small : full, (line) => console.log(`${seconds()} s  ${line}`))
  const widths = [rows.map(({ what }) => what), rows.map(({ measured }) => measured)].map((column) =>
    Math.max(...column.map(({ length }) => length)),
  )
  for (const { what, measured, limit, isKept } of rows) {
    const cells = [what.padEnd(widths[0] ?? 0), measured.padEnd(widths[1] ?? 0), limit]
    console.log(`${isKept ? 'ok  ' : 'FAIL'}  ${cells.join('  ')}`)
  }
  const failed = rows.filter(({ isKept }) => !isKept).length
  console.log(`${rows.length - failed} kept, ${failed} failed, ${seconds().trim()} s`)
  return failed === 0 ? 0 : 1
}
