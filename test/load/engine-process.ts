import { LoadEngine } from './load-engine.ts'

/** What the process answers to each message. */
export interface EngineFigures {
  socketPath: string
  connections: number
  /** How many calls have hung so far. */
  hung: number
  /** Requests and commands that are not faked: each is a fault of the load. */
  unknown: string[]
}

// The fake engine in a process of its own, for as long as its parent lives.
const engine = new LoadEngine()
await engine.up()
engine.run()
process.on('message', () => {
  const { socketPath, connections, hung, unknown } = engine
  process.send?.({ socketPath, connections, hung: hung.size, unknown } satisfies EngineFigures)
})
process.on('disconnect', () => void engine.remove().finally(() => process.exit()))
