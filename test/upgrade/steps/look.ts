import { expect } from 'vitest'
import type { Step } from '../../../src/upgrade/step.ts'
import { type Lab, putAtTarget, startQuickLab } from '../../fake-docker/lab.ts'
import { contextOf } from '../walk.ts'

export type Row = [name: string, waitsFor: string, why: string, change: (lab: Lab) => void]

export const nothing: [why: string, change: () => void] = ['all is so', () => {}]

// What a look finds on a machine of three control plane machines and a worker that were put at the target, and
// then changed like this.
export async function look(step: Step, name: string, change: (lab: Lab) => void): Promise<string> {
  const lab = startQuickLab('cp-1', 'cp-2', 'cp-3', 'w-1')
  for (const each of ['cp-1', 'cp-2', 'cp-3', 'w-1']) putAtTarget(lab, each)
  change(lab)
  const found = await step.done(contextOf(lab, name))
  expect(lab.machine(name).effects).toEqual([])
  return found === 'done' ? found : found.waitsFor
}

export function serverOf({ machine }: Lab, name: string) {
  return machine(name).apiServer ?? { version: '', answers: false, ready: false }
}

export function nodeOf({ cluster }: Lab, name: string) {
  return cluster.nodes.get(name) ?? { kubeletVersion: '', ready: false, heartbeat: 0 }
}

export function stopContainers(containers: Map<string, string>, name: string): void {
  for (const [id, image] of containers) if (image.includes(name)) containers.delete(id)
}
