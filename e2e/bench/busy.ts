import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

/** Runs `act`, and if `isBusy` one busy loop per core during it. The loops end with this process at the latest. */
export async function whileBusy<T>(isBusy: boolean, act: () => Promise<T>): Promise<T> {
  const count = isBusy ? availableParallelism() : 0
  const loops = Array.from({ length: count }, () => new Worker('for (;;);', { eval: true }))
  try {
    return await act()
  } finally {
    await Promise.all(loops.map((loop) => loop.terminate()))
  }
}
