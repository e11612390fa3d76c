import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join, relative } from 'node:path'

// Where everything is kept that took long to make. Never inside the repository.
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'capd-kubeadm-upgrader')

// Files that go into images, and Go sources that are built.
export const imageFiles = join(import.meta.dirname, '../build/image')
export const goSources = join(import.meta.dirname, '../build/go')

// A short hash of what something is made from: values, and all files below some folders.
export async function inputsHash(values: unknown, ...folders: string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(values))
  for (const folder of folders) {
    for (const file of await filesBelow(folder)) {
      hash.update(relative(folder, file)).update(await readFile(file))
    }
  }
  return hash.digest('hex').slice(0, 12)
}

async function filesBelow(folder: string) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return files.sort()
}

// A folder whose presence says that what is in it is complete.
export const keptFolder = (name: string, hash: string) => join(cache, `${name}-${hash}`)
export const isKept = existsSync

// Fills a folder beside the final one and moves it there last, so that a half-made one is never seen. What was made
// under this name from other inputs goes.
export async function keep(folder: string, fill: (staging: string) => Promise<void>) {
  const kept = basename(folder)
  await withStaging(kept, async (staging) => {
    await fill(staging)
    await rename(staging, folder)
  })
  const older = (await readdir(cache)).filter((entry) => entry !== kept && nameOf(entry) === nameOf(kept))
  await Promise.all(older.map((entry) => remove(join(cache, entry))))
}

const nameOf = (entry: string) => /^(.+)-[0-9a-f]{12}$/.exec(entry)?.[1] ?? entry

// An empty folder of the cache for the time of `work`. What killed runs left goes first; a program that one of them
// started may still be writing there, so no two runs share a folder.
export async function withStaging<T>(name: string, work: (staging: string) => Promise<T>): Promise<T> {
  const left = (await readdir(cache)).filter((entry) => entry.startsWith(`${name}.`) && entry.endsWith('.tmp'))
  await Promise.all(left.map((entry) => remove(join(cache, entry))))
  const staging = join(cache, `${name}.${process.pid}.tmp`)
  await mkdir(staging, { recursive: true })
  try {
    return await work(staging)
  } finally {
    await remove(staging)
  }
}

function remove(folder: string) {
  return rm(folder, { recursive: true, force: true, maxRetries: 3 })
}
