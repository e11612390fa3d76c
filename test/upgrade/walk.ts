import type { Engine } from '../../src/machine/engine.ts'
import { locate } from '../../src/machine/locate.ts'
import { type AttemptRecord, recordIn } from '../../src/upgrade/attempt.ts'
import type { Clock } from '../../src/upgrade/clock.ts'
import { MachineUpgrade } from '../../src/upgrade/machine-upgrade.ts'
import { memberObserver } from '../../src/upgrade/members.ts'
import { nodeImageOf } from '../../src/upgrade/node-image-helper.ts'
import { nodeImages } from '../../src/upgrade/node-image-pulls.ts'
import { Session } from '../../src/upgrade/session.ts'
import type { Situation, Sources, Step } from '../../src/upgrade/step.ts'
import { type Task, taskOfMachine } from '../../src/upgrade/task.ts'
import type { Tools } from '../../src/upgrade/tools.ts'
import { type Lab, silent } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'

export const state = '/var/lib/capd-kubeadm-upgrader'
export const recordFile = `${state}/attempt.json`

export const usualSources: Sources = {
  binaries: 'download',
  binariesUrl: 'http://files/release',
  images: 'node-image',
  nodeImage: 'kindest/node:{version}',
  nodeImagePull: 'forbid',
}

export interface Begun {
  run: MachineUpgrade
  // Each message once, in the order in which CAPI could have heard them.
  messages: string[]
  // The same without the numbers of steps: "binaries: the download" waits for it, "binaries: DOWNLOAD_BROKEN" reports it.
  reports: string[]
  ended: Promise<void>
}

export interface Options {
  version?: string
  settings?: Record<string, string>
  // Entries of the KubeadmConfig's spec.files, and the rest of its spec.
  files?: unknown[]
  spec?: object
  caCertHashes?: string[]
  sources?: Partial<Sources>
  engine?: Engine
  clock?: Clock
  log?: Tools['log']
  sinceRequested?: () => number
}

/** kubeadm's own way, as a setting. */
export const oneByOne = { settings: { exchange: 'one-by-one' } }

/** Every way that a machine may go, and the units that it runs then. */
export const ways: readonly [name: string, exchange: 'together' | 'one-by-one', units: readonly string[]][] = [
  ['cp-1', 'together', ['binaries', 'images', 'render', 'prepare', 'exchange', 'kubeadm']],
  ['cp-1', 'one-by-one', ['binaries', 'images', 'kubeadm', 'kubelet']],
  ['w-1', 'together', ['binaries', 'images', 'kubeadm', 'kubelet']],
]

export function taskOf(name: string, options: Options = {}): Task {
  const { version = target, settings = {}, files, caCertHashes } = options
  const labels: Record<string, string> = name.startsWith('cp-') ? { 'cluster.x-k8s.io/control-plane': '' } : {}
  const spec = { clusterName: 'lab', version, providerID: `docker:////${name}` }
  const joinConfiguration = caCertHashes && { discovery: { bootstrapToken: { caCertHashes } } }
  const bootstrapSpec = { files, ...(joinConfiguration && { joinConfiguration }), ...options.spec }
  const object = (kind: string, apiGroup: string) => ({ apiVersion: `${apiGroup}/v1beta2`, kind, metadata: { name } })
  return taskOfMachine({
    settings,
    desired: {
      machine: { ...object('Machine', 'cluster.x-k8s.io'), metadata: { name, labels }, spec },
      infrastructureMachine: { ...object('DockerMachine', 'infrastructure.cluster.x-k8s.io'), spec: {} },
      bootstrapConfig: { ...object('KubeadmConfig', 'bootstrap.cluster.x-k8s.io'), spec: bootstrapSpec },
    },
  })
}

export function toolsOf(lab: Lab, options: Options = {}): Tools {
  const { sources, engine = lab.engine, clock = lab.clock, log = silent } = options
  return {
    engine,
    members: memberObserver(engine, clock),
    images: nodeImages({ engine, clock, log, stop: new AbortController().signal }),
    clock,
    sources: { ...usualSources, ...sources },
    log,
  }
}

// Begins a walk to the target, as one process of the service does.
export function begin(lab: Lab, machine: string, options: Options = {}): Begun {
  const tools = toolsOf(lab, options)
  const messages: string[] = []
  const reports: string[] = []
  const listen = () => {
    const { message, step } = walk.progress
    if (messages.at(-1) === message) return
    messages.push(message)
    reports.push(reportOf(message, step))
    lab.cluster.story.push(message)
  }
  // A message stands while its walk waits for the machine or for time to pass.
  const exec: Engine['exec'] = (...command) => {
    listen()
    return tools.engine.exec(...command)
  }
  const sleep = (seconds: number) => {
    listen()
    return tools.clock.sleep(seconds)
  }
  const clock = { now: () => tools.clock.now(), monotonic: () => tools.clock.monotonic(), sleep }
  const engine = { ...tools.engine, exec }
  const parts = { ...tools, engine, clock, members: memberObserver(engine, clock) }
  const walk = new MachineUpgrade(taskOf(machine, options), parts, options.sinceRequested ?? (() => 0))
  return { run: walk, messages, reports, ended: walk.toEnd().then(listen) }
}

// Calls back half a second after an effect at the latest.
export function when(lab: Lab, name: string, effect: string, happen: () => void): void {
  const look = () => (lab.machine(name).effects.includes(effect) ? happen() : lab.clock.after(0.5, look))
  lab.clock.after(0.5, look)
}

function reportOf(message: string, step: string): string {
  const code = /\(([A-Z_]+)\)$/.exec(message)?.[1]
  return [step, code ?? message.replace(/^.*: waiting for /, '')].filter(Boolean).join(': ')
}

// The record that the machine keeps of its attempt.
export function recordOf(lab: Lab, name: string): AttemptRecord | undefined {
  return recordIn({ record: lab.machine(name).files.get(recordFile) ?? '' })
}

// The scripts that the units of a machine ran, in the order of their starts.
export function unitsOf(lab: Lab, name: string): string[] {
  return lab.machine(name).units.starts.map((unit) => unit.replace('capd-kubeadm-upgrader-', ''))
}

// Walks to the end.
export async function walk(lab: Lab, machine: string, options?: Options): Promise<Begun> {
  const begun = begin(lab, machine, options)
  await begun.ended
  return begun
}

// What a step decides by on this machine, when its attempt has begun.
export async function situationOf(lab: Lab, name: string, step: Step, options: Options = {}): Promise<Situation> {
  const tools = toolsOf(lab, options)
  const { version, ...task } = taskOf(name, options)
  const located = await locate(tools.engine, { ...task, container: name })
  const session = new Session(located, [], tools)
  await session.know(step.needs, nodeImageOf({ sources: tools.sources, target: version }))
  const { observation, members, nodeImage, record } = session
  const { machine, varVolume } = located
  return {
    ...task,
    target: version,
    machine,
    varVolume,
    observation,
    members,
    nodeImage,
    record,
    sources: tools.sources,
  }
}
