import { faults, parameters } from '../../src/faults/table.ts'
import { serve, upgradesAt } from '../app/serve.ts'
import { asked, captured, type Json, put } from '../contract/captured.ts'
import { target } from '../fake-docker/release.ts'

// The requests that Cluster API sent, by hook.
export const bodies = {
  canUpdateMachine: asked.machine as () => Json,
  canUpdateMachineSet: asked.machineSet as () => Json,
  updateMachine: () => captured('update-machine.worker').body,
}

export type Hook = keyof typeof bodies

export const hooks = Object.keys(bodies) as Hook[]

export const underWay = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 } as const
export const done = { phase: 'Done', step: '', message: 'at v1.35.4', retryAfterSeconds: 0 } as const

// Each value that the setting may have, with what it tells the misbehaviour at its shortest and at its longest.
const examples: Record<keyof typeof parameters, string> = {
  object: 'machine',
  hook: 'all',
  status: '503',
  step: 'kubeadm',
  times: '2',
}
export const values = Object.entries(faults).flatMap(([name, { on, takes }]) => {
  if (on === 'discovery') return []
  const told = takes.map((parameter) => examples[parameter])
  const least = takes.filter((parameter) => parameters[parameter].default === '').length
  return Array.from({ length: told.length - least + 1 }, (_, more) => [name, ...told.slice(0, least + more)].join(':'))
})

// A service that is allowed to misbehave, the names of what it did, and how long it slept.
export function misbehaving(progress: typeof underWay | typeof done = underWay) {
  const seen: string[] = []
  const slept: number[] = []
  const upgrades = upgradesAt(progress)
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: async (seconds: number) => {
      slept.push(seconds)
    },
  }
  const service = serve({ upgrades, faults: true, clock, misbehave: { onFault: (name) => seen.push(name) } })
  return { ...service, seen, slept, started: upgrades.started }
}

// A control plane machine that also loses its feature gate, as Cluster API has it from v1.35 to v1.36.
export function twoPatches() {
  const request = asked.machine()
  put(request.current.machine, ['spec', 'version'], 'v1.35.4')
  put(request.desired.machine, ['spec', 'version'], 'v1.36.3')
  const { clusterConfiguration } = request.desired.bootstrapConfig?.spec as { clusterConfiguration: Json }
  delete clusterConfiguration.featureGates
  return request
}

// Cluster API's request for a machine of the lab.
export function requestFor(name: string, settings: Record<string, string>): Json {
  const text = JSON.stringify(captured(name === 'cp-1' ? 'update-machine.control-plane' : 'update-machine.worker').body)
  const body = JSON.parse(text.replaceAll('"w1"', '"lab"'))
  body.desired.machine.spec.providerID = `docker:////${name}`
  body.desired.machine.spec.version = target
  body.desired.bootstrapConfig.spec = {}
  return { ...body, settings }
}
