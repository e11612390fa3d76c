import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

// `npm test` runs every check of this repository, one after the other, until one fails. With arguments it runs only the
// tests, and passes the arguments to vitest: `npm test -- test/decide`.
const root = join(import.meta.dirname, '..')
const vitestArguments = process.argv.slice(2)

// npm scripts, so that each can run by itself.
const checks = ['lint', 'types', 'dependencies', 'layers', 'docs']

// A check that hangs is ended, with all that it has started: vitest's own limits need an event loop that is not blocked.
const timeoutSeconds = 1200
let processGroup: number | undefined
let interrupted: number | undefined

for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.on(signal, () => {
    interrupted = code
    endCheck('SIGTERM')
    setTimeout(endCheck, 5000, 'SIGKILL').unref()
  })
}

process.exitCode = await main()

async function main(): Promise<number> {
  for (const name of vitestArguments.length > 0 ? [] : checks) {
    const { exitCode, all } = await npmRun(name, [], { all: true })
    if (interrupted) return interrupted
    if (exitCode === 0) continue
    console.log(all)
    return 1
  }
  return tests()
}

// The last line has the counts of the tests, for people and for CI.
async function tests(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  try {
    const report = join(folder, 'report.json')
    const reporters = [
      `--reporter=${process.stdout.isTTY ? 'dot' : 'minimal'}`,
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]
    const { exitCode } = await npmRun('unit', [...reporters, ...vitestArguments], { stdio: 'inherit' })
    if (interrupted) return interrupted
    const { passed, failed, skipped } = countsIn(await readFile(report, 'utf8').catch(() => '{}'))
    for (const name of skipped) console.log(`skipped: ${name}`)
    // A file that cannot be loaded and an error outside of any test count as one failure.
    const failures = exitCode === 0 ? failed : Math.max(1, failed)
    console.log(`${passed} passed, ${failures} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
    return exitCode === 0 ? 0 : 1
  } finally {
    await rm(folder, { recursive: true })
  }
}

// vitest's JSON report, in part.
interface VitestReport {
  numPassedTests?: number
  testResults?: { status: string; assertionResults: { status: string; fullName: string }[] }[]
}

function countsIn(text: string) {
  const { numPassedTests = 0, testResults = [] }: VitestReport = JSON.parse(text)
  const failures = testResults.map(({ status, assertionResults }) => {
    const count = assertionResults.filter((test) => test.status === 'failed').length
    return status === 'failed' ? Math.max(1, count) : count
  })
  const others = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed'),
  )
  return {
    passed: numPassedTests,
    failed: failures.reduce((sum, count) => sum + count, 0),
    skipped: others.map(({ fullName }) => fullName),
  }
}

// Runs an npm script with these arguments and prints how long it took.
async function npmRun(name: string, args: string[], options: { all?: true; stdio?: 'inherit' }) {
  const start = performance.now()
  const env = process.stdout.isTTY ? {} : { NO_COLOR: '1' }
  const script = execa({ cwd: root, env, reject: false, detached: true, ...options })
  const child = script`npm run --silent ${name} -- ${args}`
  processGroup = child.pid
  const limit = setTimeout(endCheck, timeoutSeconds * 1000, 'SIGKILL')
  const { exitCode, all } = await child
  clearTimeout(limit)
  processGroup = undefined
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${exitCode === 0 ? 'ok  ' : 'FAIL'} ${name}, ${seconds} s`)
  return { exitCode, all: all ?? '' }
}

// A check is a process group of its own, so that all that it has started ends with it.
function endCheck(signal: 'SIGTERM' | 'SIGKILL'): void {
  if (processGroup !== undefined) process.kill(-processGroup, signal)
}
