import { UpgradeError } from '../errors/upgrade-error.ts'
import { type SteadyClock, steadyClock } from './clock.ts'
import type { Engine } from './engine.ts'

/** How many execs wait for their turn at most. */
export const waitingLimit = 500
/** An exec that takes longer than so many seconds, as in a machine that hangs, gives its place to the next one. */
const slowSeconds = 15
/** How many of these there are at most: each may keep some MiB of output. */
export const slowLimit = 24

/**
 * The same engine, with at most so many execs under way at once. The others wait in the order in which they came; with
 * more than 500 of them ENGINE_BUSY is thrown. Up to 24 more that take longer than 15 s do not count, so that a few
 * machines that hang do not keep all places until their time limits.
 */
export function limited(engine: Engine, atOnce: number, clock: SteadyClock = steadyClock): Engine {
  const waiting: (() => void)[] = []
  let underWay = 0
  let slow = 0
  const enter = async () => {
    if (underWay < atOnce) {
      underWay += 1
      return
    }
    if (waiting.length >= waitingLimit) throw new UpgradeError('ENGINE_BUSY')
    await new Promise<void>((resolve) => waiting.push(resolve))
  }
  // A place that becomes free is handed on, so that no newcomer takes it first.
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else underWay -= 1
  }
  // Leaves when the exec ends or, where it is slow, before.
  const leaveInTime = () => {
    const ended = new AbortController()
    let isSlow = false
    const turnSlow = () => {
      if (slow >= slowLimit) return
      isSlow = true
      slow += 1
      leave()
    }
    clock.sleep(slowSeconds, ended.signal).then(turnSlow, () => {})
    return () => {
      ended.abort()
      if (isSlow) slow -= 1
      else leave()
    }
  }
  const exec: Engine['exec'] = async (...command) => {
    await enter()
    const end = leaveInTime()
    try {
      return await engine.exec(...command)
    } finally {
      end()
    }
  }
  return { ...engine, exec }
}
