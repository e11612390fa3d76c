import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Engine } from './engine.ts'

/** How many execs wait for their turn at most. */
export const waitingLimit = 500

/**
 * The same engine, with at most so many execs under way at once. The others wait in the order in which they came; with
 * more than 500 of them ENGINE_BUSY is thrown. An exec that hangs keeps its place until its own time limit.
 */
export function limited(engine: Engine, atOnce: number): Engine {
  const waiting: (() => void)[] = []
  let underWay = 0
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
  const exec: Engine['exec'] = async (...command) => {
    await enter()
    try {
      return await engine.exec(...command)
    } finally {
      leave()
    }
  }
  return { ...engine, exec }
}
