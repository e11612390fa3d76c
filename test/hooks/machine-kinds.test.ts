import { describe, expect, test } from 'vitest'
import type { Progress } from '../../src/upgrade/progress.ts'
import { paths, serve, upgradesAt } from '../app/serve.ts'
import { asked, captured, type Json, put } from '../contract/captured.ts'

// Cluster API v1.15 has no DockerMachine and no DockerMachineTemplate any more. Up to v1.14 a machine of the Docker backend
// has either kind, and both are treated the same, so nothing is lost with the older one.
const progress: Progress = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 }
const infrastructure = ['infrastructureMachine', 'infrastructureMachineTemplate']

// The same request about the other kind: what is below `backend.docker` is the spec of a DockerMachine.
function asDockerKind(request: Json): Json {
  const other = structuredClone(request)
  for (const side of ['current', 'desired']) {
    for (const [name, object] of Object.entries((other[side] ?? {}) as Record<string, Json>)) {
      if (!infrastructure.includes(name)) continue
      object.kind = String(object.kind).replace('Dev', 'Docker')
      const holder = name.endsWith('Template') ? ((object.spec as Json).template as Json) : object
      const { backend, ...rest } = holder.spec as { backend: { docker: Json } }
      holder.spec = { ...rest, ...backend.docker }
    }
  }
  return other
}

function changed(request: Json & { desired: Record<string, unknown> }, object: string, path: string[], value: unknown) {
  put(request.desired[object], path, value)
  return request
}

const files = [{ path: '/etc/test', content: 'a' }]
const template = ['spec', 'template', 'spec']

const cases: Record<string, { path: string; request: Json }> = {
  'CanUpdateMachine, a version': { path: paths.canUpdateMachine, request: asked.machine() },
  'CanUpdateMachine, files': {
    path: paths.canUpdateMachine,
    request: changed(asked.machine(), 'bootstrapConfig', ['spec', 'files'], files),
  },
  'CanUpdateMachine, what is not covered': {
    path: paths.canUpdateMachine,
    request: changed(asked.machine(), 'bootstrapConfig', ['spec', 'preKubeadmCommands'], ['true']),
  },
  'CanUpdateMachine, another image': {
    path: paths.canUpdateMachine,
    request: changed(asked.machine(), 'infrastructureMachine', ['spec', 'backend', 'docker', 'customImage'], 'a:v2'),
  },
  'CanUpdateMachineSet, a version': { path: paths.canUpdateMachineSet, request: asked.machineSet() },
  'CanUpdateMachineSet, files': {
    path: paths.canUpdateMachineSet,
    request: captured('can-update-machine-set.bootstrap-files').body,
  },
  'CanUpdateMachineSet, another image': {
    path: paths.canUpdateMachineSet,
    request: changed(
      asked.machineSet(),
      'infrastructureMachineTemplate',
      [...template, 'backend', 'docker', 'customImage'],
      'a:v2',
    ),
  },
  'UpdateMachine, a control plane machine': {
    path: paths.updateMachine,
    request: captured('update-machine.control-plane').body,
  },
  'UpdateMachine, a worker': { path: paths.updateMachine, request: captured('update-machine.worker').body },
}

async function answerTo(path: string, request: Json) {
  const upgrades = upgradesAt(progress)
  const { body } = await serve({ upgrades }).post(path, request)
  return { body, started: upgrades.started }
}

describe.each(Object.entries(cases))('%s', (_, { path, request }) => {
  test('the captured request is about the kind that stays', () => {
    const sides = [request.current, request.desired].filter(Boolean) as Record<string, { kind: string }>[]
    const kinds = sides.flatMap((side) => infrastructure.flatMap((name) => side[name]?.kind ?? []))
    expect(kinds.length).toBe(sides.length)
    for (const kind of kinds) expect(kind).toMatch(/^DevMachine(Template)?$/)
  })

  test('the answer and the machine are the same for the kind that v1.15 removes', async () => {
    const answer = await answerTo(path, request)
    expect(answer.body.status).toBe('Success')
    expect(await answerTo(path, asDockerKind(request))).toEqual(answer)
  })
})

// CAPD sets it in a machine's spec, as it does with providerID. v1.14's types do not have it any more.
test.each([
  ['CanUpdateMachine, a version', paths.canUpdateMachine],
  ['UpdateMachine, a worker', paths.updateMachine],
] as const)('%s: `bootstrapped` of v1.13 makes no difference', async (name, path) => {
  const request = cases[name]?.request ?? {}
  const older = structuredClone(request)
  for (const side of [older.current, older.desired].filter(Boolean) as Json[]) {
    put(side.infrastructureMachine, ['spec', 'backend', 'docker', 'bootstrapped'], true)
  }
  const answer = await answerTo(path, request)
  expect(answer.body.status).toBe('Success')
  expect(await answerTo(path, older)).toEqual(answer)
  expect(await answerTo(path, asDockerKind(older))).toEqual(answer)
})
