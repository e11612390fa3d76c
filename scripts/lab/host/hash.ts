import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** The SHA-256 of a file of any size, in hex. */
export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

/**
 * A hash of 12 hex digits of what something is made from: values, as JSON, and the files below some folders with their
 * paths in these. Where the folders are makes no difference.
 */
export async function inputsHash(values: unknown, ...folders: string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(values))
  for (const folder of folders) {
    for (const file of await filesBelow(folder)) {
      hash.update(relative(folder, file)).update(await readFile(file))
    }
  }
  return hash.digest('hex').slice(0, 12)
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return files.sort()
}
