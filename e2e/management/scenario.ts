import type { Kube } from './kube.ts'
import type { Site } from './site.ts'
import type { Timeline } from './timeline.ts'

// What a scenario works with.
export interface Play {
  // Its name is also the namespace of its machines.
  name: string
  // The name of its cluster, as the lab wants it to begin.
  cluster: string
  site: Site
  kube: Kube
  timeline: Timeline
  // Something that has to be so; where it is not, the scenario has failed and goes on.
  expect(ok: boolean, problem: string): void
  // Something that was measured, for the result.
  figure(what: string, value: string): void
}

export interface Result {
  // What failed; empty when everything passed.
  problems: string[]
  // What was measured, and the value in words.
  figures: [what: string, value: string][]
}

export interface Scenario {
  // In one sentence, for the result.
  proves: string
  play(play: Play): Promise<void>
}
