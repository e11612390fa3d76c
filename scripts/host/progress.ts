import { stderr } from 'node:process'

// A stage has a line when it starts and a line with its time when it ends. While it runs, the latest output of its
// programs is shown: on a terminal in one line that changes, elsewhere in a line every 20 seconds.
const isLive = stderr.isTTY
const everySeconds = isLive ? 2 : 20
let write = (line: string): void => void stderr.write(`${isLive ? '\r\x1b[K' : ''}${line}\n`)
let latestOutput = ''

/** Sends progress to `sink` instead of standard error, for a caller with a log of its own. */
export function logTo(sink: (line: string) => void): void {
  write = sink
}

/** Prints one line of progress. */
export function log(line: string): void {
  write(line)
}

/** Keeps a line of a program's output, to show it while the stage runs. JSON is data rather than progress. */
export function noteOutput(line: string): void {
  if (/[a-z]/i.test(line) && !/^\s*["{}[\]]/.test(line)) latestOutput = line.trim()
}

/** Runs `work` as a stage with this title, and prints how long it took. What it throws is thrown on. */
export async function withProgress<T>(title: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const seconds = (digits: number) => ((performance.now() - start) / 1000).toFixed(digits)
  latestOutput = ''
  log(`  .. ${title}`)
  const ticker = setInterval(() => {
    const line = `     ${seconds(0)} s  ${latestOutput}`
    if (isLive) stderr.write(`\r\x1b[K${line.slice(0, stderr.columns - 1)}`)
    else log(line)
  }, everySeconds * 1000)
  try {
    const result = await work()
    log(`  ok ${title}: ${seconds(1)} s`)
    return result
  } catch (error) {
    log(`FAIL ${title}: after ${seconds(1)} s`)
    throw error
  } finally {
    clearInterval(ticker)
  }
}
