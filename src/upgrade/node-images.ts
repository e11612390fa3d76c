import type { Logger } from 'pino'
import { coded, type UpgradeError } from '../errors/upgrade-error.ts'
import type { Engine, PullProgress } from '../machine/engine.ts'
import type { Clock } from './clock.ts'
import { pinnedDigestOf } from './pinned-node-images.ts'

/** A pull of this process, as those see it who wait for the image. */
export interface Pull {
  /** What the engine has reported; undefined before its first report. */
  progress: PullProgress | undefined
  /** Undefined while it goes on. */
  end: { error: UpgradeError | undefined } | undefined
}

/** The node images of the engine, and the pulls of this process: one pull per image, shared by all that wait for it. */
export interface NodeImages {
  /** The reference by which the engine has the image, by its tag or a digest; undefined where it has none. */
  find(image: string): Promise<string | undefined>
  /**
   * The pull of the image: the one that is running, one that failed a moment ago and rests before it is tried again, or a
   * new one. It is cancelled at the engine's next report when nobody has joined it for 2 minutes.
   */
  join(image: string): Pull
}

export interface NodeImagesMeans {
  engine: Engine
  clock: Pick<Clock, 'monotonic'>
  log: Logger
  /** Given when the process ends: pulls end with it. The engine keeps nothing of them but whole layers, at most. */
  stop: AbortSignal
}

interface Entry extends Pull {
  /** In monotonic milliseconds, as all times here. */
  joinedAt: number
  restsUntil: number
  /** How many pulls of the image have ended one after the other, this one included, and the image was still wanted. */
  count: number
}

const abandonedMs = 120_000
const firstRestMs = 10_000
const longestRestMs = 160_000

/**
 * Pulls are not owned: each process asks the engine for itself, and the engine fetches each layer once for all that ask. So
 * two replicas see the same progress, and the end of one of them takes nothing from the other.
 */
export function nodeImages({ engine, clock, log, stop }: NodeImagesMeans): NodeImages {
  const entries = new Map<string, Entry>()

  // What has ended long ago says nothing of the next pull.
  function forgetOld(): void {
    const now = clock.monotonic()
    for (const [image, { end, restsUntil }] of entries) {
      if (end !== undefined && now - restsUntil > longestRestMs) entries.delete(image)
    }
  }

  async function run(image: string, entry: Entry): Promise<void> {
    const abandoned = new AbortController()
    const signal = AbortSignal.any([stop, abandoned.signal])
    const onProgress = (progress: PullProgress) => {
      entry.progress = progress
      if (clock.monotonic() - entry.joinedAt > abandonedMs) abandoned.abort()
    }
    log.info({ image }, 'the engine does not have the node image: it is pulled')
    try {
      await engine.pull(image, { signal, onProgress })
      entry.end = { error: undefined }
      log.info({ image }, 'the node image is pulled')
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
      const entry: Entry = { progress: undefined, end: undefined, joinedAt: now, restsUntil: 0, count }
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
