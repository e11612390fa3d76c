import { UpgradeError } from '../errors/upgrade-error.ts'
import { type SteadyClock, steadyClock } from './clock.ts'
import type { Engine } from './engine.ts'
import { type ReleaseSlot, Slots } from './slots.ts'

/** An exec that takes longer than this many seconds is slow: its machine or its host hangs. */
export const slowSeconds = 15
/** The most execs that run in slow containers at once. Each may hold some MiB of output. */
export const slowLimit = 24
/** The most execs that run in one container at once, among the usual slots and among the slow ones. */
export const eachLimit = 2
// How long the mark of a slow container is kept after the container was removed.
const rememberSeconds = 600

/**
 * Wraps an engine so that at most `atOnce` execs run at once, two of them in the same container. Other execs wait,
 * first come, first served. Throws ENGINE_BUSY when more than 500 wait.
 *
 * A container is slow from the time that an exec in it takes longer than 15 s or hangs, until an exec in it ends in
 * time. Execs in slow containers have 24 slots of their own, and an exec that becomes slow moves there. So machines
 * that hang, however many there are, delay the others only briefly.
 */
export function limited(engine: Engine, atOnce: number, clock: SteadyClock = steadyClock): Engine {
  const usual = new Slots(atOnce, eachLimit)
  const slow = new Slots(slowLimit, eachLimit)
  const containers = new SlowContainers(clock)

  async function acquire(container: string): Promise<ReleaseSlot> {
    if (containers.has(container)) return slow.acquire(container)
    const release = await usual.acquire(container)
    const becameSlow = containers.has(container)
    if (!becameSlow) return movable(container, release)
    release()
    return slow.acquire(container)
  }

  // A usual slot that is exchanged for a slow one when the exec becomes slow.
  function movable(container: string, releaseUsual: ReleaseSlot): ReleaseSlot {
    const ended = new AbortController()
    let release = releaseUsual
    const move = async () => {
      await clock.sleep(slowSeconds, ended.signal)
      containers.add(container)
      const releaseSlow = await slow.acquireFirst(container)
      if (ended.signal.aborted) return releaseSlow()
      releaseUsual()
      release = releaseSlow
    }
    // Rejects when the exec ends in time.
    move().catch(() => {})
    return () => {
      ended.abort()
      release()
    }
  }

  const exec: Engine['exec'] = async (container, ...command) => {
    const release = await acquire(container)
    const begun = clock.seconds()
    try {
      const result = await engine.exec(container, ...command)
      if (clock.seconds() - begun < slowSeconds) containers.delete(container)
      return result
    } catch (thrown) {
      if (isHang(thrown)) containers.add(container)
      throw thrown
    } finally {
      release()
    }
  }
  return { ...engine, exec }
}

// True when a call was not answered or a command did not end.
function isHang(thrown: unknown): boolean {
  return thrown instanceof UpgradeError && (thrown.code === 'ENGINE_UNREACHABLE' || thrown.code === 'EXEC_TIME_LIMIT')
}

class SlowContainers {
  readonly #clock: SteadyClock
  // When each container became slow, the oldest first.
  readonly #since = new Map<string, number>()

  constructor(clock: SteadyClock) {
    this.#clock = clock
  }

  has(container: string): boolean {
    this.#forgetOld()
    return this.#since.has(container)
  }

  add(container: string): void {
    this.#since.delete(container)
    this.#since.set(container, this.#clock.seconds())
  }

  delete(container: string): void {
    this.#since.delete(container)
  }

  #forgetOld(): void {
    for (const [container, since] of this.#since) {
      if (this.#clock.seconds() - since <= rememberSeconds) return
      this.#since.delete(container)
    }
  }
}
