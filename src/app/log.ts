import { type DestinationStream, type LogFn, type Logger, pino } from 'pino'

const foldSeconds = 60
/** Warnings that are remembered at a time: a message may hold a path of a request, so there is no end of them. */
const rememberedLimit = 500
const warn = 40

interface Seen {
  at: number
  repeats: number
}

interface Options {
  level: string
  /** Seconds, from any start, that never go back. */
  now?: () => number
  stream?: DestinationStream
  /** Called when standard output has lost its reader. From then on nothing is written. */
  onReaderGone?: () => void
}

/** Bytes of lines that wait while the disk below standard output is full. Later ones are dropped. */
const waitingBytes = 1024 * 1024

/**
 * The service's log, as JSON lines. The same warning or error is written at most once a minute; the next one that is
 * written has `repeats`, the number of those that were left out before it.
 */
export function createLog({
  level,
  now = seconds,
  onReaderGone = () => {},
  stream = standardOutput(onReaderGone),
}: Options): Logger {
  const seen = new Map<string, Seen>()

  // Whether this one is written: the number of those left out before it, or undefined.
  function repeatsOf(key: string): number | undefined {
    const before = seen.get(key)
    if (before && now() - before.at < foldSeconds) {
      before.repeats++
      return
    }
    // The oldest is the first one again when it is written again.
    seen.delete(key)
    seen.set(key, { at: now(), repeats: 0 })
    const [oldest] = seen.keys()
    if (seen.size > rememberedLimit && oldest !== undefined) seen.delete(oldest)
    return before?.repeats ?? 0
  }

  function logMethod(this: Logger, args: Parameters<LogFn>, method: LogFn, importance: number): void {
    const [fields, message] = typeof args[0] === 'string' ? [{}, args[0]] : [args[0] as object, args[1]]
    const isFolded = importance >= warn
    const repeats = isFolded ? repeatsOf(JSON.stringify([this.bindings(), importance, message, named(fields)])) : 0
    if (repeats === 0) method.apply(this, args)
    else if (repeats) method.apply(this, [{ ...fields, repeats }, message])
  }

  return pino({ level, hooks: { logMethod } }, stream)
}

// The library itself writes nothing more to a pipe without a reader. Other trouble, such as a full disk, may pass: it must
// not end the service.
function standardOutput(onReaderGone: () => void): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: waitingBytes })
  return output.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') onReaderGone()
  })
}

// What tells one warning from another of the same text. The output of a failed command, `detail`, differs each time.
function named(fields: object): unknown[] {
  const { err, detail: _, ...others } = fields as { err?: Error; detail?: string }
  return [others, err?.message]
}

function seconds(): number {
  return performance.now() / 1000
}
