import type { Logger } from 'pino'
import { coded, type UpgradeError } from '../errors/upgrade-error.ts'
import type { Engine, PullProgress } from '../machine/engine.ts'
import type { Clock } from './clock.ts'
import { pinnedDigestOf } from './pinned-node-images.ts'

/** A pull of this process. */
export interface Pull {
  /** The last report of the engine; undefined before the first one. */
  progress: PullProgress | undefined
  /** The end of the pull, with its error; undefined while it is running. */
  end: { error: UpgradeError | undefined } | undefined
}

/** The node images of the engine, and the pulls of this process. All upgrades share one pull per image. */
export interface NodeImages {
  /** Returns the reference of the image in the engine, by its tag or a digest; undefined where it is missing. */
  find(image: string): Promise<string | undefined>
  /**
   * Returns the pull of the image: the running one, a failed one during its backoff, or a new one. A pull that no
   * caller has joined for 2 minutes is cancelled at the engine's next report.
   */
  join(image: string): Pull
}

/** What the pulls need. */
export interface NodeImagesOptions {
  engine: Engine
  clock: Pick<Clock, 'monotonic'>
  log: Logger
  /** Aborts when the process ends, and cancels all pulls. The engine keeps only complete layers of them. */
  stop: AbortSignal
}

interface TrackedPull extends Pull {
  /** Monotonic milliseconds, as all times here. */
  joinedAt: number
  restsUntil: number
  /** The number of consecutive pulls of the image, including this one. */
  count: number
}

const abandonedMs = 120_000
const firstRestMs = 10_000
const longestRestMs = 160_000

/**
 * Creates the pulls of this process. Each replica pulls by itself, and the engine downloads each layer once for all of
 * them. So the end of one replica does not affect the other.
 */
export function nodeImages({ engine, clock, log, stop }: NodeImagesOptions): NodeImages {
  const entries = new Map<string, TrackedPull>()

  // An old pull does not count for the backoff of the next one.
  function forgetOld(): void {
    const now = clock.monotonic()
    for (const [image, { end, restsUntil }] of entries) {
      if (end !== undefined && now - restsUntil > longestRestMs) entries.delete(image)
    }
  }

  async function run(image: string, entry: TrackedPull): Promise<void> {
    const abandoned = new AbortController()
    const signal = AbortSignal.any([stop, abandoned.signal])
    const onProgress = (progress: PullProgress) => {
      entry.progress = progress
      if (clock.monotonic() - entry.joinedAt > abandonedMs) abandoned.abort()
    }
    log.info({ image }, 'pulling the node image, which the engine does not have')
    try {
      await engine.pull(image, { signal, onProgress })
      entry.end = { error: undefined }
      log.info({ image }, 'pulled the node image')
    } catch (thrown) {
      const error = coded(thrown)
      entry.end = { error }
      if (!signal.aborted) log.warn({ image, code: error.code, err: error.cause }, error.message)
    }
    const rest = signal.aborted || entry.end?.error?.answer === 'failure' ? 0 : restMs(entry.count)
    entry.restsUntil = clock.monotonic() + rest
  }

  return {
    find(image) {
      const pinned = pinnedDigestOf(image)
      return engine.findImage(image, pinned === undefined ? [] : [pinned])
    },
    join(image) {
      forgetOld()
      const now = clock.monotonic()
      const found = entries.get(image)
      if (found && (found.end === undefined || now < found.restsUntil)) {
        found.joinedAt = now
        return found
      }
      const count = (found?.count ?? 0) + 1
      const entry: TrackedPull = { progress: undefined, end: undefined, joinedAt: now, restsUntil: 0, count }
      entries.set(image, entry)
      const pinned = pinnedDigestOf(image)
      void run(pinned === undefined ? image : `${image}@${pinned}`, entry)
      return entry
    },
  }
}

function restMs(count: number): number {
  return Math.min(firstRestMs * 2 ** (count - 1), longestRestMs)
}
