import type { Engine } from '../../src/machine/engine.ts'
import { machineOn } from '../../src/machine/machine.ts'
import type { Clock } from '../../src/upgrade/clock.ts'
import { type Means, Run } from '../../src/upgrade/run.ts'
import type { Context, Sources } from '../../src/upgrade/step.ts'
import { type Task, taskOfMachine } from '../../src/upgrade/task.ts'
import { type Lab, silent } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'

export interface Walk {
  run: Run
  // Each message once, in the order in which CAPI could have heard them.
  messages: string[]
  ended: Promise<void>
}

export interface Options {
  version?: string
  settings?: Record<string, string>
  // Entries of the KubeadmConfig's spec.files.
  files?: unknown[]
  // The KubeadmConfig's other fields.
  spec?: object
  sources?: Partial<Sources>
  engine?: Engine
  clock?: Clock
}

export function taskOf(name: string, { version = target, settings = {}, files, spec: more = {} }: Options = {}): Task {
  const labels: Record<string, string> = name.startsWith('cp-') ? { 'cluster.x-k8s.io/control-plane': '' } : {}
  const spec = { clusterName: 'lab', version, providerID: `docker:////${name}` }
  const object = (kind: string, apiGroup: string) => ({ apiVersion: `${apiGroup}/v1beta2`, kind, metadata: { name } })
  return taskOfMachine({
    settings,
    desired: {
      machine: { ...object('Machine', 'cluster.x-k8s.io'), metadata: { name, labels }, spec },
      infrastructureMachine: { ...object('DockerMachine', 'infrastructure.cluster.x-k8s.io'), spec: {} },
      bootstrapConfig: { ...object('KubeadmConfig', 'bootstrap.cluster.x-k8s.io'), spec: { ...more, files } },
    },
  })
}

export function meansOf(lab: Lab, { sources, engine = lab.engine, clock = lab.clock }: Options = {}): Means {
  const usual = { binariesUrl: 'http://files/release', nodeImage: 'kindest/node:{version}' }
  return { engine, clock, sources: { ...usual, images: 'node-image', ...sources }, log: silent }
}

// Begins a walk to the target, as one process of the service does.
export function begin(lab: Lab, machine: string, options: Options = {}): Walk {
  const means = meansOf(lab, options)
  const messages: string[] = []
  const listen = () => {
    const { message } = run.progress
    if (messages.at(-1) === message) return
    messages.push(message)
    lab.cluster.story.push(message)
  }
  // A message stands while its walk waits for the machine or for time to pass.
  const exec: Engine['exec'] = (...command) => {
    listen()
    return means.engine.exec(...command)
  }
  const sleep = (seconds: number) => {
    listen()
    return means.clock.sleep(seconds)
  }
  const run = new Run(taskOf(machine, options), {
    ...means,
    engine: { ...means.engine, exec },
    clock: { now: () => means.clock.now(), sleep },
  })
  return { run, messages, ended: run.toEnd().then(listen) }
}

// Walks to the end.
export async function walk(lab: Lab, machine: string, options?: Options): Promise<Walk> {
  const begun = begin(lab, machine, options)
  await begun.ended
  return begun
}

// What a step is given on this machine.
export function contextOf(lab: Lab, name: string, options: Options = {}): Context {
  const { role, cluster } = lab.machine(name)
  const { engine, clock, sources } = meansOf(lab, options)
  const { version, files, patches, key, settings } = taskOf(name, options)
  const machine = machineOn(engine, { name, cluster: cluster.name, role })
  return { machine, target: version, files, patches, key, settings, engine, clock, sources }
}
