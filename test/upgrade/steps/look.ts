import { expect } from 'vitest'
import type { Look, Step } from '../../../src/upgrade/step.ts'
import { type Lab, putAtTarget, startQuickLab } from '../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { digestOf, target } from '../../fake-docker/release.ts'
import { situationOf } from '../walk.ts'

export type Row = [name: string, waitsFor: string, why: string, change: (lab: Lab) => void]

export const nothing: [why: string, change: () => void] = ['everything is at the target', () => {}]

export const work = '/var/lib/capd-kubeadm-upgrader/work'

// What a step finds on a machine of three control plane machines and a worker that were put at the target, and then
// changed like this. A look changes nothing.
export async function look(step: Step, name: string, change: (lab: Lab) => void): Promise<string> {
  const lab = startQuickLab('cp-1', 'cp-2', 'cp-3', 'w-1')
  for (const each of ['cp-1', 'cp-2', 'cp-3', 'w-1']) putAtTarget(lab, each)
  change(lab)
  const found = await lookAt(step, lab, name)
  expect(lab.machine(name).effects).toEqual([])
  return found === 'done' ? found : found.waitsFor
}

export async function lookAt(step: Step, lab: Lab, name: string): Promise<Look> {
  return step.done(await situationOf(lab, name, step))
}

// Puts something into the work directory of the attempt to the target, or of another one.
export function stage({ machine }: Lab, name: string, entry: string, content = '', key = target): void {
  machine(name).files.set(`${work}/key`, `${key}\n`)
  machine(name).files.set(`${work}/${entry}`, content)
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

// Gives the images of kubeadm's static pods a second name, under which they run.
export function renameContainers(
  { images, containers, manifests }: SimulatedMachine,
  rename: (name: string) => string,
): void {
  const own = Object.values(manifests)
  for (const [id, image] of containers) {
    if (!own.includes(image)) continue
    images.set(rename(image), digestOf(image))
    containers.set(id, rename(image))
  }
}
