import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { interruption } from '../../host/interruption.ts'
import { log } from '../../host/progress.ts'
import { UserError } from '../../host/user-error.ts'
import { cache } from './cache.ts'

const file = join(cache, 'lab.lock')

/**
 * Runs `work` while no other process of this user changes the lab, and waits for the others first. It may not be nested.
 * Throws `UserError` where there is no flock(1), and `Interrupted` when a signal ends the wait.
 *
 * The lock is the kernel's (flock(2)), held by a flock(1) whose standard input is a pipe from this process. When this
 * process ends, even by SIGKILL, the pipe closes, flock(1) ends, and the lock is free: no lock is ever stale.
 */
export async function withLabLock<T>(work: () => Promise<T>): Promise<T> {
  const release = await lock()
  try {
    return await work()
  } finally {
    await release()
  }
}

// Prints a line when it holds the lock, and then waits for the end of its input. Exit codes: 3 when another process has
// the lock; 4 when the file was removed during the wait, because the lock of a new file of this name is another one.
const holdUntilInputEnds = `
  exec 9>>"$1" || exit
  flock "$2" 9
  case $? in 0) ;; 1) exit 3 ;; *) exit 1 ;; esac
  [ "$1" -ef /proc/self/fd/9 ] || exit 4
  echo
  exec cat`

async function lock(): Promise<() => Promise<void>> {
  const immediate = await attemptLock('--nonblock')
  if (immediate) return immediate
  log(`  .. waiting for another run of the lab (process ${await readFile(file, 'utf8').catch(() => 'unknown')})`)
  for (;;) {
    const release = await attemptLock('--exclusive')
    if (release) return release
  }
}

/** Resolves to the function that releases the lock, or to undefined when it was not taken. */
async function attemptLock(option: '--nonblock' | '--exclusive'): Promise<(() => Promise<void>) | undefined> {
  await mkdir(cache, { recursive: true })
  const signal = interruption()
  const holder = execa({
    reject: false,
    // In a process group of its own, so that Ctrl-C does not free the lock before the work has ended.
    detached: true,
    stdin: 'pipe',
    buffer: { stdout: false },
  })`sh -c ${holdUntilInputEnds} lock ${file} ${option}`
  const end = () => holder.pid !== undefined && process.kill(-holder.pid, 'SIGTERM')
  signal?.addEventListener('abort', end)
  try {
    const isHeld = await Promise.race([
      new Promise<true>((resolve) => holder.stdout.once('data', () => resolve(true))),
      holder.then(() => false as const),
    ])
    signal?.throwIfAborted()
    if (!isHeld) return await failedAttempt(holder)
  } finally {
    signal?.removeEventListener('abort', end)
  }
  await writeFile(file, `${process.pid}`)
  return async () => {
    holder.stdin.end()
    await holder
  }
}

async function failedAttempt(
  holder: PromiseLike<{ exitCode?: number | undefined; stderr: string }>,
): Promise<undefined> {
  const { exitCode, stderr } = await holder
  if (exitCode === 3 || exitCode === 4) return undefined
  throw new UserError(`The lab cannot be locked: ${stderr.trim() || `sh ended with ${exitCode}`}`, 'install flock(1)')
}
