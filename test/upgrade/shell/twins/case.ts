import { stateDirectory } from '../../../../src/machine/machine.ts'
import type { Lab } from '../../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../../fake-docker/machine.ts'
import { old, staticPodsOf, target } from '../../../fake-docker/release.ts'
import type { Root } from '../rooted.ts'
import type { Run } from './run.ts'

/** A machine, a run on it, and what both the shell file and its twin have to make of it. */
export interface TwinCase extends Run {
  what: string
  /** The machine; cp-1, a control plane machine, unless named. */
  name?: 'cp-1' | 'w-1'
  /** Changes the simulated machine, which the root is then made from. */
  prepare?: (machine: SimulatedMachine, lab: Lab) => void
  /** Adds programs to the root that only this case needs. */
  equip?: (root: Root, machine: SimulatedMachine) => void
  exitCode?: number
  printed?: string
  /** Files of which something is expected, by path: their content, or undefined for none. */
  leaves?: Record<string, string | undefined>
}

export const work = `${stateDirectory}/work`
export const manifests = '/etc/kubernetes/manifests'
/** Where prepare.sh puts the manifests that exchange.sh renames into place. */
export const staged = '/etc/kubernetes/tmp/capd-kubeadm-upgrader'
export const drained = `${stateDirectory}/drained`
const programs = ['kubeadm', 'kubelet', 'kubectl']
export const [oldPods, newPods] = [staticPodsOf(old), staticPodsOf(target)]

/** Puts programs of a version into a directory of the simulated machine. */
export function putPrograms({ files }: SimulatedMachine, directory: string, version = target, names = programs): void {
  for (const name of names) files.set(`${directory}/${name}`, version)
}

/** Puts manifests with these images into a directory of the simulated machine. */
export function putPods({ files }: SimulatedMachine, directory: string, images: Record<string, string>): void {
  for (const [pod, image] of Object.entries(images)) files.set(`${directory}/${pod}.yaml`, image)
}

/** Puts the programs of the target and a cluster's configuration into the work directory. */
export function configure(machine: SimulatedMachine, version = target): void {
  putPrograms(machine, `${work}/bin`)
  machine.files.set(`${work}/cluster-configuration.yaml`, `kubernetesVersion: ${version}\n`)
}

/** Leaves what render.sh leaves. */
export function rendered(machine: SimulatedMachine): void {
  configure(machine)
  putPods(machine, `${work}/rendered`, newPods)
}
/** Leaves what prepare.sh leaves. */
export function prepared(machine: SimulatedMachine): void {
  rendered(machine)
  putPrograms(machine, `${work}/before`, old)
  putPods(machine, `${work}/before/manifests`, oldPods)
  putPods(machine, staged, newPods)
  for (const name of programs) machine.files.set(`/usr/bin/.${name}.new`, target)
  machine.files.set(`${work}/prepared`, '')
}

/** Leaves what exchange.sh leaves: everything of the target is in its place. */
export function exchanged(machine: SimulatedMachine): void {
  prepared(machine)
  machine.removeDirectory(staged)
  for (const name of programs) machine.files.delete(`/usr/bin/.${name}.new`)
  putPods(machine, manifests, newPods)
  putPrograms(machine, '/usr/bin')
  for (const mark of ['exchange.begun', 'exchanged']) machine.files.set(`${work}/${mark}`, '')
}
