import type { Kube } from './kube.ts'
import type { Site } from './site.ts'
import type { Timeline } from './timeline.ts'

/** A scenario: what it proves, and how it runs. Each file in e2e/scenarios has one. */
export type Scenario = LabScenario | ManagedScenario

/** A scenario on machines of the lab, in which the player takes the place of Cluster API's controllers. */
export interface LabScenario {
  on: 'lab'
  /** In one sentence, for the result. */
  proves: string
  run(run: LabRun): Promise<void>
}

/** A scenario in a management cluster, with Cluster API's own controllers. */
export interface ManagedScenario {
  on: 'management cluster'
  /** In one sentence, for the result. */
  proves: string
  run(run: ScenarioRun): Promise<void>
}

/** What every scenario checks with. */
export interface Checks {
  /** Fails the scenario with this problem unless `ok`. The scenario continues. */
  expect(ok: boolean, problem: string): void
}

/** One run of a scenario on machines of the lab. */
export interface LabRun extends Checks {
  options: RecoveryOptions
}

/** What the command line sets for the scenario "recovery". */
export interface RecoveryOptions {
  /** Ids of the rows to run; the usual ones when empty. Rows with "+" between them share a machine. */
  rows: readonly string[]
  /** Whether the results are added to docs/reference/recovery.real.json. */
  isRecorded: boolean
  /** How many control plane machines a cluster has. With more than one, Cluster API makes the clusters. */
  members: number
}

/** One run of a scenario in a management cluster. */
export interface ScenarioRun extends Checks {
  /** The scenario's name, which is also the namespace of its machines. */
  name: string
  /** The name of its cluster, with the prefix that the lab wants. */
  cluster: string
  site: Site
  kube: Kube
  timeline: Timeline
  /** Adds a measured value to the result. */
  figure(what: string, value: string): void
}

/** What a scenario found. */
export interface ScenarioResult {
  /** What failed; empty when everything passed. */
  problems: string[]
  /** What was measured, and the value with its unit. */
  figures: [what: string, value: string][]
}
