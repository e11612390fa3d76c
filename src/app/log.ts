import { type DestinationStream, type LogFn, type Logger, pino } from 'pino'

const foldSeconds = 60
/**
 * The most warnings that are remembered. A message can contain the path of a request, so their number is not bounded.
 */
const rememberedLimit = 500
const warn = 40

interface SeenWarning {
  at: number
  repeats: number
}

interface LogOptions {
  level: string
  /** A monotonic clock, in seconds. */
  now?: () => number
  stream?: DestinationStream
  /** Called when the reader of standard output is gone. Nothing is written from then on. */
  onReaderGone?: () => void
}

/** The most bytes that are buffered while standard output is a file on a full disk. Further lines are dropped. */
const waitingBytes = 1024 * 1024

/**
 * Creates the log of the service, as JSON lines. Equal warnings or errors are written once a minute. The next written
 * one has `repeats`, the number of those that were suppressed before it.
 */
export function createLog({
  level,
  now = seconds,
  onReaderGone = () => {},
  stream = standardOutput(onReaderGone),
}: LogOptions): Logger {
  const seen = new Map<string, SeenWarning>()

  // The number of suppressed lines before this one, or undefined when this one is suppressed.
  function repeatsOf(key: string): number | undefined {
    const before = seen.get(key)
    if (before && now() - before.at < foldSeconds) {
      before.repeats++
      return
    }
    // Moves the key to the end, so that the first key is always the oldest.
    seen.delete(key)
    seen.set(key, { at: now(), repeats: 0 })
    const [oldest] = seen.keys()
    if (seen.size > rememberedLimit && oldest !== undefined) seen.delete(oldest)
    return before?.repeats ?? 0
  }

  function logMethod(this: Logger, args: Parameters<LogFn>, method: LogFn, importance: number): void {
    const [fields, message] = typeof args[0] === 'string' ? [{}, args[0]] : [args[0] as object, args[1]]
    const isFolded = importance >= warn
    const repeats = isFolded
      ? repeatsOf(JSON.stringify([this.bindings(), importance, message, distinguishing(fields)]))
      : 0
    if (repeats === 0) method.apply(this, args)
    else if (repeats) method.apply(this, [{ ...fields, repeats }, message])
  }

  return pino({ level, hooks: { logMethod } }, stream)
}

// After EPIPE, pino writes nothing more. Other errors, such as a full disk, may pass and do not end the service.
function standardOutput(onReaderGone: () => void): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: waitingBytes })
  return output.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') onReaderGone()
  })
}

// The fields that distinguish warnings of the same message. `detail`, the output of a failed command, differs each
// time.
function distinguishing(fields: object): unknown[] {
  const { err, detail: _, ...others } = fields as { err?: Error; detail?: string }
  return [others, err?.message]
}

function seconds(): number {
  return performance.now() / 1000
}
