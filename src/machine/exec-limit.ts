import { UpgradeError } from '../errors/upgrade-error.ts'
import { type SteadyClock, steadyClock } from './clock.ts'
import type { Engine } from './engine.ts'
import { type Leave, Places } from './places.ts'

/** An exec that takes longer than so many seconds is slow: its machine hangs, or its host does. */
export const slowSeconds = 15
/** How many execs of slow containers are under way at most: each may keep some MiB of output. */
export const slowLimit = 24
/** How many execs are under way at most in one container, in each of the two ways. */
export const eachLimit = 2
// A container that was removed while it was slow is not remembered for longer.
const rememberSeconds = 600

/**
 * The same engine, with at most so many execs under way at once, and two of one container. The others wait in the order
 * in which they came; with more than 500 of them ENGINE_BUSY is thrown.
 *
 * A container with an exec that takes longer than 15 s, or that hangs, is slow until one ends in time. Execs in slow
 * containers have 24 places of their own, and that first one moves there. So machines that hang, however many, keep the
 * others waiting for a moment when they begin to hang, and not for as long as they do.
 */
export function limited(engine: Engine, atOnce: number, clock: SteadyClock = steadyClock): Engine {
  const usual = new Places(atOnce, eachLimit)
  const slow = new Places(slowLimit, eachLimit)
  const containers = new SlowContainers(clock)

  // Among the usual places there is none for a container that became slow meanwhile.
  async function enter(container: string): Promise<Leave> {
    if (containers.has(container)) return slow.enter(container)
    const leave = await usual.enter(container)
    if (!containers.has(container)) return movable(container, leave)
    leave()
    return slow.enter(container)
  }

  // A place that is exchanged for one of the slow ones after a while.
  function movable(container: string, leaveUsual: Leave): Leave {
    const ended = new AbortController()
    let leave = leaveUsual
    const move = async () => {
      await clock.sleep(slowSeconds, ended.signal)
      containers.add(container)
      const leaveSlow = await slow.enterFirst(container)
      if (ended.signal.aborted) return leaveSlow()
      leaveUsual()
      leave = leaveSlow
    }
    // It rejects when the exec has ended in time.
    move().catch(() => {})
    return () => {
      ended.abort()
      leave()
    }
  }

  const exec: Engine['exec'] = async (container, ...command) => {
    const leave = await enter(container)
    const begun = clock.seconds()
    try {
      const result = await engine.exec(container, ...command)
      if (clock.seconds() - begun < slowSeconds) containers.delete(container)
      return result
    } catch (thrown) {
      if (isHang(thrown)) containers.add(container)
      throw thrown
    } finally {
      leave()
    }
  }
  return { ...engine, exec }
}

// No answer to a call, or no end of a command.
function isHang(thrown: unknown): boolean {
  return thrown instanceof UpgradeError && (thrown.code === 'ENGINE_UNREACHABLE' || thrown.code === 'EXEC_TIME_LIMIT')
}

class SlowContainers {
  readonly #clock: SteadyClock
  // Since when, the oldest first.
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
