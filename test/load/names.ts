import type { Json } from '../contract/captured.ts'
import { target } from '../fake-docker/release.ts'

// The names tell the engine what each machine is like. `load` tells the machines of one load from those of another: names
// are new after every rollout, and what is kept for each name has to show.

/** Workers of a control plane that stays at the old version. */
export function waitingNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `waiting-${i}`)
}

/** Machines at the target: `ready` ones have their files already, one of ten is `written`. */
export function machineNames(load: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i % 10 === 0 ? 'written' : 'ready'}-${load}-${i}`)
}

/**
 * Machines with one hung call each: no answer to the call that the name has, half of one to `inspect`, or output that
 * does not end. Few hang in an exec, which has to wait for its turn and hangs for 10 s and more.
 */
export function hungNames(load: string, count: number): string[] {
  const execs = Math.ceil(count / 20)
  const outputs = Math.floor(count / 40)
  const nameOf = (i: number) => {
    if (i < execs) return 'create'
    if (i < 2 * execs) return 'start'
    if (i < 2 * execs + outputs) return 'output'
    return i % 2 === 0 ? 'inspect' : 'half'
  }
  return Array.from({ length: count }, (_, i) => `hung-${nameOf(i)}-${load}-${i}`)
}

/** Machines that are under way, and whose logs are long. */
export function talkativeNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `talkative-${i}`)
}

/** Machines in which every command prints 450 MB. */
export function loudNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `loud-${i}`)
}

/** Machines in which every command fails, with long errors. */
export function failingNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `failing-${i}`)
}

/** The part of a KubeadmConfig's spec that has the machine's files: ten of 10 kB. */
export function specOf(name: string): Json {
  if (!/^(ready|written)-/.test(name)) return {}
  const files = Array.from({ length: 10 }, (_, i) => ({
    path: `/etc/load/${i}.conf`,
    content: `${name} ${i}\n`.repeat(1000).slice(0, 10_000),
  }))
  return { files }
}

/** The cluster that a machine is in. */
export function clusterOf(name: string): string {
  return /^(waiting|talkative)-/.test(name) ? 'waiting' : 'load'
}

/** The body of Cluster API's UpdateMachine request for the machine. */
export function updateMachine(name: string): string {
  const object = (kind: string, group: string, spec: Json) => ({
    apiVersion: `${group}.cluster.x-k8s.io/v1beta2`,
    kind,
    metadata: { name, namespace: 'default' },
    spec,
  })
  const machine = {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Machine',
    metadata: { name, namespace: 'default', labels: {} },
    spec: { clusterName: clusterOf(name), version: target, providerID: `docker:////${name}` },
  }
  const infrastructureMachine = object('DockerMachine', 'infrastructure', {})
  const bootstrapConfig = object('KubeadmConfig', 'bootstrap', specOf(name))
  return JSON.stringify({ desired: { machine, infrastructureMachine, bootstrapConfig } })
}
