import { retry } from '../../scripts/host/retry.ts'

/** Waits until it holds; throws what is missing when it still does not after so many seconds. */
export async function until(what: string, holds: () => Promise<boolean>, seconds: number): Promise<void> {
  if (!(await retry(holds, { limitSeconds: seconds }))) throw new Error(`after ${seconds} s still not: ${what}`)
}

/** Does something with each, so many at the same time; the first failure ends it. */
export async function forEach<T>(all: Iterable<T>, atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  const left = all[Symbol.iterator]()
  const failed = new AbortController()
  const worker = async () => {
    for (let next = left.next(); !next.done && !failed.signal.aborted; next = left.next()) await work(next.value)
  }
  const workers = Array.from({ length: atOnce }, () =>
    worker().catch((thrown) => {
      failed.abort()
      throw thrown
    }),
  )
  await Promise.all(workers)
}
