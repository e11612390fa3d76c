import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'

/** The folder that keeps what is expensive to make. It is never inside the repository. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'capd-kubeadm-upgrader')

/** The path of an entry of the cache: its name, and the hash of its inputs as `inputsHash` makes it. */
export function keptFolder(name: string, hash: string): string {
  return join(cache, `${name}-${hash}`)
}

/** Whether an entry of the cache exists. An entry that exists is complete. */
export function isKept(folder: string): boolean {
  return existsSync(folder)
}

/**
 * Adds an entry to the cache: `fill` writes it into a staging folder, which is renamed to `folder` last, so an entry is
 * never seen half-made. Entries of the same name with other hashes are removed. What `fill` throws is thrown on.
 */
export async function keep(folder: string, fill: (staging: string) => Promise<void>): Promise<void> {
  const kept = basename(folder)
  await withStaging(kept, async (staging) => {
    await fill(staging)
    await rename(staging, folder)
  })
  const outdated = (await readdir(cache)).filter((entry) => entry !== kept && nameOf(entry) === nameOf(kept))
  await Promise.all(outdated.map((entry) => remove(join(cache, entry))))
}

function nameOf(entry: string): string {
  return /^(.+)-[0-9a-f]{12}$/.exec(entry)?.[1] ?? entry
}

/**
 * Gives `work` an empty folder in the cache and removes it afterwards. Folders that killed runs have left under this
 * name are removed first. A program of a killed run may still write to its folder, so no two runs share one.
 */
export async function withStaging<T>(name: string, work: (staging: string) => Promise<T>): Promise<T> {
  await mkdir(cache, { recursive: true })
  const left = (await readdir(cache)).filter((entry) => entry.startsWith(`${name}.`) && entry.endsWith('.tmp'))
  await Promise.all(left.map((entry) => remove(join(cache, entry))))
  const staging = join(cache, `${name}.${process.pid}.tmp`)
  await mkdir(staging)
  try {
    return await work(staging)
  } finally {
    await remove(staging)
  }
}

function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 3 })
}
