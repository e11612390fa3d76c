import { type Machine, stateDirectory } from '../machine/machine.ts'

// What has to be remembered lives in the machine, one JSON object a line; the service stores nothing.
export const historyFile = `${stateDirectory}/history.jsonl`

export interface Event {
  // Milliseconds since 1970.
  at: number
  target: string
  step: string
  // `ended` is the last of an attempt that reached its target.
  event: 'start' | 'done' | 'retry' | 'failed' | 'ended'
  // The error of a retry or failure, and what its text is filled with.
  code?: string
  values?: Record<string, string>
}

// An attempt without an event for so long is taken for abandoned.
const quietSeconds = 600

// The events of one target, oldest first.
export async function readHistory(machine: Machine, target: string): Promise<Event[]> {
  return eventsOf(await readEvents(machine), target)
}

/** Of these events the ones of one target. */
export function eventsOf(events: Event[], target: string): Event[] {
  return events.filter((event) => event.target === target)
}

/** The events of all targets, oldest first. */
export async function readEvents(machine: Machine): Promise<Event[]> {
  const { stdout } = await machine.attempt(['cat', historyFile])
  // A line that was cut off by a full disk or a power loss is no event.
  const events = stdout.split('\n').flatMap((line): Event[] => {
    try {
      return [JSON.parse(line)]
    } catch {
      return []
    }
  })
  return events.filter((event) => typeof event?.target === 'string')
}

/**
 * The other target that an attempt is on its way to, by the events of all targets and the present time in milliseconds:
 * the machine belongs to the attempt that began first, until it has ended or failed, or was quiet for ten minutes.
 */
export function otherUnderWay(events: Event[], target: string, now: number): string | undefined {
  const isQuiet = (since: number, at: number) => Math.abs(at - since) > quietSeconds * 1000
  let latest: Event | undefined
  for (const event of events) {
    if (latest && latest.target !== event.target && !isQuiet(latest.at, event.at)) continue
    latest = event.event === 'failed' || event.event === 'ended' ? undefined : event
  }
  return latest === undefined || latest.target === target || isQuiet(latest.at, now) ? undefined : latest.target
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
