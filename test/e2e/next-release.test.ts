import { describe, expect, test } from 'vitest'
import {
  type Hook,
  type MachineObjects,
  type MachineSetObjects,
  rollControlPlane,
  rollDeployment,
  type Updater,
} from '../../e2e/player/next-release.ts'
import type { Progress } from '../../src/upgrade/progress.ts'
import { paths, serve, upgradesAt } from '../app/serve.ts'
import { asked, type Json, put } from '../contract/captured.ts'

// Cluster API's own in-place test as v1.15 has it: KubeadmControlPlane with maxSurge 1, MachineDeployment with maxSurge 1 and
// maxUnavailable 0, and the machines have the same names after each of five changes of files.
const contents = ['first', 'second', 'third', 'fourth', 'five'].map((nth) => `${nth} in-place update`)
const done: Progress = { phase: 'Done', step: '', message: 'simulated: at v1.35.4', retryAfterSeconds: 0 }
// On a machine that is not simulated, a file below /tmp is not written in place.
const kinds = {
  'on simulated machines, as upstream': {
    backend: { inMemory: {} },
    settings: { inMemory: 'simulate' },
    path: '/tmp/test',
  },
  'on machines of the Docker backend': { backend: { docker: {} }, settings: {}, path: '/etc/test' },
}

function updater(settings: Json = {}): Updater & { calls: Hook[]; paused: number[] } {
  const { post } = serve({ upgrades: upgradesAt(done) })
  const calls: Hook[] = []
  const paused: number[] = []
  const byHook = {
    CanUpdateMachine: paths.canUpdateMachine,
    CanUpdateMachineSet: paths.canUpdateMachineSet,
    UpdateMachine: paths.updateMachine,
  }
  return {
    calls,
    paused,
    async call(hook, fields) {
      calls.push(hook)
      const request = { apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1', kind: `${hook}Request`, settings }
      const { body } = await post(byHook[hook], { ...request, ...fields })
      if (body.status !== 'Success') throw new Error(String(body.message))
      return body
    },
    pause: async (seconds) => void paused.push(seconds),
  }
}

function controlPlane(replicas: number, backend: object = { docker: {} }): MachineObjects[] {
  return Array.from({ length: replicas }, (_, i) => {
    const { current } = asked.machine()
    put(current.machine, ['metadata', 'name'], `cp-${i + 1}`)
    put(current.infrastructureMachine, ['spec', 'backend'], backend)
    return current as unknown as MachineObjects
  })
}

function workers(backend: object = { docker: {} }): MachineSetObjects {
  const { current } = asked.machineSet()
  put(current.infrastructureMachineTemplate, ['spec', 'template', 'spec', 'backend'], backend)
  return current as unknown as MachineSetObjects
}

// Changes of objects of both kinds, at the paths that a template has, or an object of its own.
const changed = {
  files: (content: string, path = '/etc/test') => ({
    machine: changing<MachineObjects>('bootstrapConfig', ['spec', 'files'], [{ path, content }]),
    set: changing<MachineSetObjects>(
      'bootstrapConfigTemplate',
      ['spec', 'template', 'spec', 'files'],
      [{ path, content }],
    ),
  }),
  version: {
    machine: changing<MachineObjects>('machine', ['spec', 'version'], 'v1.35.4'),
    set: changing<MachineSetObjects>('machineSet', ['spec', 'template', 'spec', 'version'], 'v1.35.4'),
  },
  command: {
    machine: changing<MachineObjects>('bootstrapConfig', ['spec', 'preKubeadmCommands'], ['true']),
    set: changing<MachineSetObjects>(
      'bootstrapConfigTemplate',
      ['spec', 'template', 'spec', 'preKubeadmCommands'],
      ['true'],
    ),
  },
}

function changing<Objects extends Record<string, Json>>(
  object: keyof Objects & string,
  path: string[],
  value: unknown,
) {
  return (objects: Objects): Objects => {
    const copy = structuredClone(objects)
    put(copy[object], path, value)
    return copy
  }
}

const names = (machines: MachineObjects[]) => machines.map(({ machine }) => (machine.metadata as Json).name)

describe("Cluster API's in-place test as v1.15 has it", () => {
  test.each(Object.entries(kinds))('%s: five changes of files make no machine and delete none', async (_, kind) => {
    const hooks = updater(kind.settings)
    let machines = controlPlane(3, kind.backend)
    let set = workers(kind.backend)
    for (const content of contents) {
      const { machine, set: ofSet } = changed.files(content, kind.path)
      const rolled = await rollControlPlane(machines, 1, machine, hooks)
      const rolledSet = await rollDeployment(set, { replicas: 2, maxUnavailable: 0 }, ofSet, hooks)
      expect([rolled.created, rolledSet.created]).toEqual([0, 0])
      expect(names(rolled.objects)).toEqual(['cp-1', 'cp-2', 'cp-3'])
      machines = rolled.objects
      set = rolledSet.objects[0] as MachineSetObjects
    }
    const written = machines.map(({ bootstrapConfig }) => (bootstrapConfig.spec as Json).files)
    expect(written).toEqual(Array(3).fill([{ path: kind.path, content: contents.at(-1) }]))
    const count = (hook: Hook) => hooks.calls.filter((called) => called === hook).length
    expect([count('CanUpdateMachine'), count('UpdateMachine'), count('CanUpdateMachineSet')]).toEqual([15, 15, 5])
  })
})

describe('a rollout of v1.15', () => {
  test('of files is in place with one replica too', async () => {
    const { created, log } = await rollControlPlane(controlPlane(1), 1, changed.files('a').machine, updater())
    expect(created).toBe(0)
    expect(log).toEqual(['CanUpdateMachine: covered, affectsAvailability false', 'cp-1: in place'])
  })

  test('of a version creates one machine first, and asks twice about the machine that comes next', async () => {
    const { created, log, objects } = await rollControlPlane(controlPlane(3), 1, changed.version.machine, updater())
    expect(created).toBe(1)
    expect(objects).toHaveLength(3)
    const covered = 'CanUpdateMachine: covered, affectsAvailability true'
    expect(log).toEqual([
      covered,
      'cp-1: scale up',
      covered,
      'cp-1: in place',
      covered,
      'cp-2: in place',
      'cp-3: scale down',
    ])
  })

  test('of a version with maxSurge 0 updates every machine in place', async () => {
    const { created, log } = await rollControlPlane(controlPlane(3), 0, changed.version.machine, updater())
    expect(created).toBe(0)
    expect(log.filter((line) => line.endsWith(': in place'))).toHaveLength(3)
  })

  test.each([0, 1] as const)('of what is not covered replaces every machine, with maxSurge %i', async (maxSurge) => {
    const hooks = updater()
    const { created, log, objects } = await rollControlPlane(controlPlane(3), maxSurge, changed.command.machine, hooks)
    expect([created, objects.length]).toEqual([3, 3])
    expect(log).not.toContainEqual(expect.stringContaining('in place'))
    expect(hooks.calls).not.toContain('UpdateMachine')
  })

  test.each([
    ['files', changed.files('a').set, 0],
    ['a version', changed.version.set, 1],
    ['what is not covered', changed.command.set, 2],
  ])('of %s creates as many workers as it has to', async (_, change, created) => {
    const rolled = await rollDeployment(workers(), { replicas: 2, maxUnavailable: 0 }, change, updater())
    expect(rolled.created).toBe(created)
  })

  test('counts an answer without affectsAvailability as one that affects it', async () => {
    const hooks = updater()
    const silent: Updater = {
      ...hooks,
      async call(hook, fields) {
        const { affectsAvailability: _, ...rest } = await hooks.call(hook, fields)
        return rest
      },
    }
    expect((await rollControlPlane(controlPlane(3), 1, changed.files('a').machine, silent)).created).toBe(1)
  })

  test('calls UpdateMachine until it reports the end, and waits in between', async () => {
    const hooks = updater()
    const answers = [5, 2, 0]
    const slow: Updater = {
      ...hooks,
      call: async (hook, fields) =>
        hook === 'UpdateMachine' ? { retryAfterSeconds: answers.shift() } : hooks.call(hook, fields),
    }
    await rollControlPlane(controlPlane(1), 1, changed.files('a').machine, slow)
    expect(hooks.paused).toEqual([5, 2])
  })
})
