import { stderr } from 'node:process'

// What a person sees: a line when a stage starts, its latest output when it takes longer than a moment, and a
// line with its time at the end. On a terminal the output has one line that changes.
const live = stderr.isTTY
const everySeconds = live ? 2 : 20
let write = (line: string): void => void stderr.write(`${live ? '\r\x1b[K' : ''}${line}\n`)
let latest = ''

// Sends the lines elsewhere, for a caller with a log of its own.
export function logTo(sink: (line: string) => void) {
  write = sink
}

export function say(line: string) {
  write(line)
}

// Takes a line of a program's output, to be shown while its stage runs. A line of JSON is an answer, not news.
export function heard(line: string) {
  if (/[a-z]/i.test(line) && !/^\s*["{}[\]]/.test(line)) latest = line.trim()
}

export async function timed<T>(title: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const seconds = (digits: number) => ((performance.now() - start) / 1000).toFixed(digits)
  latest = ''
  say(`  .. ${title}`)
  const ticker = setInterval(() => {
    const line = `     ${seconds(0)} s  ${latest}`
    if (live) stderr.write(`\r\x1b[K${line.slice(0, stderr.columns - 1)}`)
    else say(line)
  }, everySeconds * 1000)
  try {
    const result = await work()
    say(`  ok ${title}: ${seconds(1)} s`)
    return result
  } catch (error) {
    say(`  no ${title}: stopped after ${seconds(1)} s`)
    throw error
  } finally {
    clearInterval(ticker)
  }
}
