import { type Machine, stateDirectory } from '../machine/machine.ts'

// What has to be remembered lives in the machine, one JSON object a line; the service stores nothing.
export const historyFile = `${stateDirectory}/history.jsonl`

export interface Event {
  // Milliseconds since 1970.
  at: number
  target: string
  step: string
  event: 'start' | 'done' | 'retry' | 'failed'
  // The error of a retry or failure, and what its text is filled with.
  code?: string
  values?: Record<string, string>
}

// The events of one target, oldest first.
export async function readHistory(machine: Machine, target: string): Promise<Event[]> {
  const { stdout } = await machine.attempt(['cat', historyFile])
  // A line that was cut off by a full disk or a power loss is no event.
  const events = stdout.split('\n').flatMap((line): Event[] => {
    try {
      return [JSON.parse(line)]
    } catch {
      return []
    }
  })
  return events.filter((event) => event?.target === target)
}

export async function record(machine: Machine, event: Event): Promise<void> {
  const append = 'mkdir -p "$(dirname "$1")" && cat >> "$1"'
  await machine.run(['sh', '-c', append, 'record', historyFile], { input: `${JSON.stringify(event)}\n` })
}

// True when the step was started in the present attempt and has not been done since.
export function isOpen(history: Event[], step: string): boolean {
  const attempt = history.slice(history.findLastIndex(({ event }) => event === 'failed') + 1)
  const mine = attempt.filter((event) => event.step === step).map(({ event }) => event)
  return mine.includes('start') && !mine.includes('done')
}

// The failure that the last attempt ended with, if nothing was done since, and how many there were in a row.
export function lastFailure(history: Event[]): { event: Event; inARow: number } | undefined {
  const event = history.at(-1)
  if (event?.event !== 'failed') return undefined
  const sinceDone = history.slice(history.findLastIndex((earlier) => earlier.event === 'done') + 1)
  return { event, inARow: sinceDone.filter((earlier) => earlier.event === 'failed').length }
}
