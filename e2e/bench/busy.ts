import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

/** Acts, with one busy loop per core meanwhile where it is asked for. The loops end with this process at the latest. */
export async function whileBusy<T>(isBusy: boolean, act: () => Promise<T>): Promise<T> {
  const count = isBusy ? availableParallelism() : 0
  const loops = Array.from({ length: count }, () => new Worker('for (;;);', { eval: true }))
  try {
    return await act()
  } finally {
    await Promise.all(loops.map((loop) => loop.terminate()))
  }
}
