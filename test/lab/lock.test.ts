import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ownCache } from './room.ts'

async function room() {
  const { cache, logged } = await ownCache()
  const { withLabLock } = await import('../../scripts/lab/host/lock.ts')
  const { interruptible } = await import('../../scripts/host/interruption.ts')
  const { retry } = await import('../../scripts/host/retry.ts')
  const file = join(cache, 'lab.lock')
  const order: string[] = []

  /** Takes the lock; the result releases it. */
  async function hold(name: string): Promise<() => Promise<void>> {
    const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const work = withLabLock(async () => {
      order.push(name)
      held.resolve()
      await release.promise
      order.push(`end of ${name}`)
    })
    await Promise.race([held.promise, work])
    return () => {
      release.resolve()
      return work
    }
  }

  const waiting = (count: number) =>
    retry(async () => logged.filter((line) => line.includes('waiting')).length === count, { limitSeconds: 60 })

  return { file, order, logged, hold, waiting, withLabLock, interruptible }
}

test('one process at a time changes the lab, and the others wait', async () => {
  const { order, hold, waiting, logged, withLabLock } = await room()
  const release = await hold('first')
  const second = withLabLock(async () => void order.push('second'))
  const third = withLabLock(async () => void order.push('third'))
  await waiting(2)
  expect(logged[0]).toContain(`(process ${process.pid})`)
  await release()
  await Promise.all([second, third])
  expect(order.slice(0, 2)).toEqual(['first', 'end of first'])
  expect(order.slice(2).sort()).toEqual(['second', 'third'])
})

test('the lock is free after work that failed, which rejects with its own error', async () => {
  const { withLabLock } = await room()
  const failing = withLabLock(async () => {
    throw new Error('no space left')
  })
  await expect(failing).rejects.toThrow('no space left')
  expect(await withLabLock(async () => 'done')).toBe('done')
})

test('the lock is free after a process that was killed', async () => {
  const { withLabLock, file, logged } = await room()
  const holder = execa({
    reject: false,
    buffer: false,
  })`${process.execPath} ${join(import.meta.dirname, 'hold-lock.ts')}`
  onTestFinished(() => void holder.kill('SIGKILL'))
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  expect(await readFile(file, 'utf8')).toBe(`${holder.pid}`)
  const work = withLabLock(async () => 'done')
  await vi.waitUntil(() => logged.length > 0, { timeout: 60_000 })
  expect(logged[0]).toContain(`waiting for another run of the lab (process ${holder.pid})`)
  holder.kill('SIGKILL')
  expect(await work).toBe('done')
})

test('a file that is removed while others wait gives two of them no lock at once', async () => {
  const { file, order, hold, waiting } = await room()
  const releaseFirst = await hold('first')
  const second = hold('second')
  await waiting(1)
  await rm(file)
  const releaseThird = await hold('third')
  await releaseFirst()
  // The second has got the lock of the removed file by now, and waits for the one of the new file.
  await releaseThird()
  await (await second)()
  expect(order).toEqual(['first', 'third', 'end of first', 'end of third', 'second', 'end of second'])
})

test('a signal ends the wait, and the lock stays where it is', async () => {
  const { order, hold, waiting, interruptible, withLabLock } = await room()
  const release = await hold('first')
  const second = interruptible(() => withLabLock(async () => void order.push('second')))
  await waiting(1)
  process.emit('SIGINT', 'SIGINT')
  await expect(second).rejects.toThrow('Stopped by SIGINT')
  await release()
  expect(await withLabLock(async () => 'done')).toBe('done')
  expect(order).toEqual(['first', 'end of first'])
})

test('a host without flock(1) gets an error that names it', async () => {
  const { withLabLock } = await room()
  vi.stubEnv('PATH', join(import.meta.dirname, 'nowhere'))
  await expect(withLabLock(async () => 'done')).rejects.toThrow(/cannot be locked: .*\nNext: install flock/)
})
