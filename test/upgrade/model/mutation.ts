import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import type { EventClock } from './event-clock.ts'

/** A guard that is missing, for tests of the model: each of these stands in for a part of the service or of its scripts. */
export interface Mutation {
  /** Milliseconds of a clock that is no monotonic one. */
  monotonic?: (clock: EventClock) => number
  /** Another command than the one that was requested. */
  command?: (machine: SimulatedMachine, argv: string[]) => string[]
  /** Runs a command where the script would not have. */
  around?: (machine: SimulatedMachine, argv: string[], run: () => void) => void
  /** Another document than the one that was observed. */
  observed?: (document: Record<string, unknown>) => void
}
