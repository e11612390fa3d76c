import type { Logger } from 'pino'
import type { Engine } from '../machine/engine.ts'
import type { Clock } from './clock.ts'
import type { MemberObserver } from './members.ts'
import type { NodeImages } from './node-images.ts'
import type { Plan, Sources } from './step.ts'

/** What a walk does its work with. */
export interface Tools {
  engine: Engine
  members: MemberObserver
  images: NodeImages
  sources: Sources
  clock: Clock
  log: Logger
  /** Instead of the usual one. */
  plan?: Plan
  report?: UpgradeReport
}

/** Told what upgrades do, for metrics. */
export interface UpgradeReport {
  stepEnded(step: string, seconds: number): void
  upgradeEnded(result: 'done' | 'failed', code: string): void
  upgradesInFlight(count: number): void
}
