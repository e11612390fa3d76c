import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { queryObjects } from 'node:v8'

/** What the process answers to each message: what it holds, after everything that can be freed was freed. */
export interface ServiceFigures {
  /** Bytes of JavaScript objects. */
  heap: number
  /** Bytes of the heap and of what its objects hold outside of it, such as the content of buffers. */
  heapAndExternal: number
  /** JavaScript objects. */
  objects: number
  descriptors: number
}

/** What the process is sent: a request for figures, or to make the service believe that time has passed. */
export interface FiguresRequest {
  skipSeconds: number | undefined
}

// The service as it is, in a process that can also be asked what it holds. It needs --expose-gc.
let skippedSeconds = 0
const now = performance.now.bind(performance)
performance.now = () => now() + skippedSeconds * 1000
process.on('message', async ({ skipSeconds }: FiguresRequest) => {
  skippedSeconds += skipSeconds ?? 0
  process.send?.(skipSeconds === undefined ? await figures() : {})
})
process.on('disconnect', () => process.exit())
process.channel?.unref()
await import('../../src/main.ts')

// The least of some readings: what is under way at one moment is not held.
async function figures(): Promise<ServiceFigures> {
  const readings: ServiceFigures[] = []
  for (let i = 0; i < 5; i++) {
    await wait(400)
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    readings.push({
      heap: heapUsed,
      heapAndExternal: heapUsed + external,
      objects: queryObjects(Object, { format: 'count' }),
      descriptors: readdirSync('/proc/self/fd').length,
    })
  }
  const least = (figure: keyof ServiceFigures) => Math.min(...readings.map((reading) => reading[figure]))
  return {
    heap: least('heap'),
    heapAndExternal: least('heapAndExternal'),
    objects: least('objects'),
    descriptors: least('descriptors'),
  }
}
