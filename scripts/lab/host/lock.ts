import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { say } from '../../host/progress.ts'
import { cache } from './cache.ts'
import { poll } from './poll.ts'

const file = join(cache, 'lock')

// Lets one process at a time change the lab. A lock of a process that is gone does not count.
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  await mkdir(cache, { recursive: true })
  if (!(await take())) {
    say(`  .. waiting for another run of the lab (process ${await readFile(file, 'utf8').catch(() => '?')})`)
    await poll('The lab is free', 3600, take, `end the other run, or remove ${file}`)
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function take(): Promise<boolean> {
  if (await isStale()) await rm(file, { force: true })
  try {
    await writeFile(file, `${process.pid}`, { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

async function isStale() {
  try {
    const { mtimeMs } = await stat(file)
    if (mtimeMs < Date.now() - uptime() * 1000) return true // of before the last reboot
    process.kill(Number(await readFile(file, 'utf8')), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
