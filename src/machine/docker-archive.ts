import type { Readable } from 'node:stream'

// A tar archive is a sequence of blocks of this size. The first one is the header of a file.
const block = 512
// Byte offsets in a header: the size of the file, in octal digits, and its type. Source: POSIX pax, ustar.
const size = { start: 124, end: 136 }
const typeAt = 156
const regularFile = new Set(['0', '\0'])

/**
 * Reads the first entry of a tar archive, which is how the engine sends a file. Returns its content, or undefined where
 * it is not a regular file or is larger than `mostBytes`. The rest of the stream is not read.
 */
export async function firstFileIn(archive: Readable, mostBytes: number): Promise<string | undefined> {
  let read = Buffer.alloc(0)
  for await (const chunk of archive) {
    read = Buffer.concat([read, chunk as Buffer])
    if (read.length < block) continue
    const bytes = Number.parseInt(read.toString('latin1', size.start, size.end), 8)
    const isRegular = regularFile.has(read.toString('latin1', typeAt, typeAt + 1))
    if (!isRegular || !(bytes <= mostBytes)) return undefined
    if (read.length >= block + bytes) return read.toString('utf8', block, block + bytes)
  }
  return undefined
}
