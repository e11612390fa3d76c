import type { Logger } from 'pino'
import type { Engine } from '../machine/engine.ts'
import type { Clock } from './clock.ts'
import type { MemberObserver } from './members.ts'
import type { NodeImages } from './node-image-pulls.ts'
import type { Plan, Sources } from './step.ts'

/** What an upgrade needs to run. */
export interface Tools {
  engine: Engine
  members: MemberObserver
  images: NodeImages
  sources: Sources
  clock: Clock
  log: Logger
  /** Replaces `planFor`. */
  plan?: Plan
  /** Receives events for metrics. */
  report?: UpgradeReport
}

/** Receives the events of upgrades, for metrics. */
export interface UpgradeReport {
  stepEnded(step: string, seconds: number): void
  upgradeEnded(result: 'done' | 'failed', code: string): void
  upgradesInFlight(count: number): void
}
