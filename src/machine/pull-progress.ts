import { StringDecoder } from 'node:string_decoder'
import type { PullProgress } from './engine.ts'

// A line usually has a few hundred bytes, and an image about ten layers.
const longestLine = 64 * 1024
const mostLayers = 1000

interface Line {
  id?: unknown
  status?: unknown
  progressDetail?: { current?: unknown } | null
  error?: unknown
  errorDetail?: { message?: unknown } | null
}

/** A refusal in the middle of a pull. It has the form of dockerode's own errors. */
class PullRefusal extends Error {
  // The response has already begun with status 200, so no real status exists.
  readonly statusCode = 500
}

/** Reads the engine's progress report of a pull: one JSON object per line (Docker Engine API, ImageCreate). */
export class PullProgressReader {
  readonly #onProgress: (progress: PullProgress) => void
  readonly #decoder = new StringDecoder('utf8')
  readonly #fetched = new Map<string, number>()
  #rest = ''
  #isUnpacking = false

  constructor(onProgress: (progress: PullProgress) => void) {
    this.#onProgress = onProgress
  }

  /** Reads the next chunk. Throws the error that the engine reports, and an error for a line of more than 64 KiB. */
  read(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > longestLine) throw new PullRefusal('the report of the pull has a line without an end')
    for (const line of lines) this.#note(line)
    const bytes = [...this.#fetched.values()].reduce((sum, of) => sum + of, 0)
    this.#onProgress({ bytes, isUnpacking: this.#isUnpacking })
  }

  /** Reads a last line without a newline. Throws the error that it reports. */
  end(): void {
    this.#note(this.#rest)
  }

  #note(text: string): void {
    const { id, status, progressDetail, error, errorDetail } = parsed(text)
    const refusal = errorDetail?.message ?? error
    if (refusal !== undefined) throw new PullRefusal(String(refusal))
    if (typeof id !== 'string' || typeof status !== 'string') return
    const bytes = Number(progressDetail?.current ?? 0)
    const isKnown = this.#fetched.has(id) || this.#fetched.size < mostLayers
    if (status === 'Downloading' && isKnown && bytes >= 0) this.#fetched.set(id, bytes)
    // A layer that unpacks does not count while another one downloads: the download takes longer.
    this.#isUnpacking = status === 'Extracting' || (this.#isUnpacking && status !== 'Downloading')
  }
}

// A line that is not a JSON object counts as empty.
function parsed(text: string): Line {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
