import { StringDecoder } from 'node:string_decoder'
import type { PullProgress } from './engine.ts'

// A line is some hundred bytes, and an image has some ten layers.
const longestLine = 64 * 1024
const mostLayers = 1000

interface Line {
  id?: unknown
  status?: unknown
  progressDetail?: { current?: unknown } | null
  error?: unknown
  errorDetail?: { message?: unknown } | null
}

/** A refusal in the middle of a pull, in the form in which dockerode throws those before it. */
class PullRefusal extends Error {
  // The engine has begun to answer with 200, so the status says nothing.
  readonly statusCode = 500
}

/** Reads what the engine reports of a pull: a JSON object a line (Docker Engine API, ImageCreate). */
export class PullProgressReader {
  readonly #onProgress: (progress: PullProgress) => void
  readonly #decoder = new StringDecoder('utf8')
  readonly #fetched = new Map<string, number>()
  #rest = ''
  #isUnpacking = false

  constructor(onProgress: (progress: PullProgress) => void) {
    this.#onProgress = onProgress
  }

  /** Reads what has come. Throws the error that the engine reports, and one for a line of more than 64 KiB. */
  read(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > longestLine) throw new PullRefusal('the report of the pull has a line without an end')
    for (const line of lines) this.#note(line)
    const bytes = [...this.#fetched.values()].reduce((sum, of) => sum + of, 0)
    this.#onProgress({ bytes, isUnpacking: this.#isUnpacking })
  }

  /** The report has ended. Throws the error in a last line without an end. */
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
    // While other layers are still fetched, that is what is waited for.
    this.#isUnpacking = status === 'Extracting' || (this.#isUnpacking && status !== 'Downloading')
  }
}

// What is no object reports nothing.
function parsed(text: string): Line {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
