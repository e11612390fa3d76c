import type { Readable } from 'node:stream'
import { UpgradeError } from '../errors/upgrade-error.ts'

/** The most bytes that are read of one command, standard output and standard error together: 4 MiB. */
export const outputLimit = 4 * 1024 * 1024

/** The output of a command. */
export interface Output {
  stdout: string
  stderr: string
}

// The header of Docker's frame: one byte names the stream, three are zero, four are the length of the content.
// Source: moby, api/pkg/stdcopy.
const headerBytes = 8
const standardOutput = 1
const standardError = 2

/**
 * Reads the output of a command from the connection of its exec, and closes the connection. Throws OUTPUT_TOO_LARGE as
 * soon as the output exceeds the limit in bytes, and an Error when the connection breaks or carries anything but
 * Docker's frames.
 */
export async function readOutput(connection: Readable, command: string, limit = outputLimit): Promise<Output> {
  const frames = new Frames()
  for await (const chunk of connection) {
    frames.take(chunk)
    if (frames.bytes > limit) throw new UpgradeError('OUTPUT_TOO_LARGE', { command })
  }
  return frames.end()
}

// Decodes frames in linear time, however the chunks cut them.
class Frames {
  readonly #streams: Record<number, GrowingBuffer> = {
    [standardOutput]: new GrowingBuffer(),
    [standardError]: new GrowingBuffer(),
  }
  #header = Buffer.alloc(0)
  // The stream of the current frame, and the bytes of it that are still missing.
  #stream: GrowingBuffer | undefined
  #missing = 0

  // The bytes of both streams.
  get bytes(): number {
    return Object.values(this.#streams).reduce((sum, { length }) => sum + length, 0)
  }

  take(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0; ) {
      rest = this.#missing > 0 ? this.#takeContent(rest) : this.#takeHeader(rest)
    }
  }

  end(): Output {
    if (this.#missing > 0 || this.#header.length > 0) throw new Error('the output of the command ends within a frame')
    const textOf = (stream: number) => this.#streams[stream]?.toString() ?? ''
    return { stdout: textOf(standardOutput), stderr: textOf(standardError) }
  }

  #takeContent(chunk: Buffer): Buffer {
    const content = chunk.subarray(0, this.#missing)
    this.#stream?.append(content)
    this.#missing -= content.length
    return chunk.subarray(content.length)
  }

  #takeHeader(chunk: Buffer): Buffer {
    const taken = chunk.subarray(0, headerBytes - this.#header.length)
    this.#header = Buffer.concat([this.#header, taken])
    if (this.#header.length === headerBytes) {
      this.#stream = this.#streams[this.#header.readUInt8(0)]
      if (this.#stream === undefined) throw new Error('the output of the command is not in frames')
      this.#missing = this.#header.readUInt32BE(4)
      this.#header = Buffer.alloc(0)
    }
    return chunk.subarray(taken.length)
  }
}

// One contiguous buffer, so that millions of one-byte frames take no more memory than one large frame.
class GrowingBuffer {
  length = 0
  #memory = Buffer.alloc(1024)

  append(content: Buffer): void {
    const needed = this.length + content.length
    if (needed > this.#memory.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#memory.length))
      this.#memory.copy(larger, 0, 0, this.length)
      this.#memory = larger
    }
    content.copy(this.#memory, this.length)
    this.length = needed
  }

  toString(): string {
    return this.#memory.toString('utf8', 0, this.length)
  }
}
