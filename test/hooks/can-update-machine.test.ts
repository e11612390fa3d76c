import { expect, test } from 'vitest'
import { coversAll } from '../../e2e/player/cluster-api.ts'
import type { Decision } from '../../src/decide/decide.ts'
import { answerCanUpdateMachine } from '../../src/hooks/can-update-machine.ts'
import { asked, type Json, patchIn, put } from '../contract/captured.ts'

function answer(request: Json): { answer: Json; told: [string, Decision][] } {
  const told: [string, Decision][] = []
  const given = answerCanUpdateMachine(JSON.stringify(request), (name, decision) => told.push([name, decision]))
  return { answer: { ...given }, told }
}

test('the version change that Cluster API sent is patched, and then all three objects are equal', () => {
  const request = asked.machine()
  const { answer: given } = answer(request)
  expect(patchIn(given, 'machinePatch')).toEqual([{ op: 'replace', path: '/spec/version', value: 'v1.35.4' }])
  expect(Object.keys(given).filter((field) => field.endsWith('Patch'))).toEqual(['machinePatch'])
  expect(coversAll(request, given)).toBe(true)
})

test('the gate that goes at v1.36 is patched with the version', () => {
  const request = asked.machine()
  put(request.current.machine, ['spec', 'version'], 'v1.35.4')
  put(request.desired.machine, ['spec', 'version'], 'v1.36.3')
  delete ((request.desired.bootstrapConfig?.spec as Json).clusterConfiguration as Json).featureGates
  const { answer: given } = answer(request)
  expect(patchIn(given, 'bootstrapConfigPatch')).toEqual([
    { op: 'remove', path: '/spec/clusterConfiguration/featureGates' },
  ])
  expect(coversAll(request, given)).toBe(true)
})

test('a mixed change is patched in part: the version, and not the commands', () => {
  const request = asked.machine()
  put(request.desired.bootstrapConfig, ['spec', 'preKubeadmCommands'], ['true'])
  const { answer: given, told } = answer(request)
  expect(given.status).toBe('Success')
  expect(patchIn(given, 'machinePatch')).toHaveLength(1)
  expect(given.bootstrapConfigPatch).toBeUndefined()
  expect(coversAll(request, given)).toBe(false)
  expect(told[0]?.[1].declined.map(({ values }) => values.path)).toEqual(['bootstrapConfig preKubeadmCommands'])
})

const file = { path: '/etc/a', content: 'a' }

test('version and files are patched together', () => {
  const request = asked.machine()
  put(request.desired.bootstrapConfig, ['spec', 'files'], [file])
  const { answer: given, told } = answer(request)
  expect(patchIn(given, 'bootstrapConfigPatch')).toEqual([{ op: 'add', path: '/spec/files', value: [file] }])
  expect(told[0]?.[1].declined).toEqual([])
  expect(coversAll(request, given)).toBe(true)
})

test.each([
  ['all', ['machinePatch', 'bootstrapConfigPatch']],
  ['version', ['machinePatch']],
  ['files', ['bootstrapConfigPatch']],
])('with changes: %s these patches are given: %j', (changes, patches) => {
  const request = { ...asked.machine(), settings: { changes } }
  put(request.desired.bootstrapConfig, ['spec', 'files'], [file])
  const { answer: given } = answer(request)
  expect(Object.keys(given).filter((field) => field.endsWith('Patch'))).toEqual(patches)
  expect(coversAll(request, given)).toBe(changes === 'all')
})

test('a machine of the in-memory backend gets a Success without any patch', () => {
  const request = asked.machine()
  for (const side of [request.current, request.desired]) {
    put(side.infrastructureMachine, ['spec', 'backend'], { inMemory: {} })
  }
  expect(answer(request).answer).toEqual({
    apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1',
    kind: 'CanUpdateMachineResponse',
    status: 'Success',
    message: '',
    affectsAvailability: true,
  })
})

test('with inMemory: simulate the files of a machine of the in-memory backend are patched', () => {
  const request = { ...asked.machine(), settings: { inMemory: 'simulate' } }
  put(request.desired.machine, ['spec', 'version'], 'v1.34.4')
  for (const side of [request.current, request.desired]) {
    put(side.infrastructureMachine, ['spec', 'backend'], { inMemory: {} })
  }
  put(request.desired.bootstrapConfig, ['spec', 'files'], [{ ...file, path: '/tmp/test' }])
  expect(coversAll(request, answer(request).answer)).toBe(true)
})

test('a control plane is known by its label: without it two minors in one step would be allowed', () => {
  const request = asked.machine()
  put(request.desired.machine, ['spec', 'version'], 'v1.36.3')
  expect(answer(request).answer.machinePatch).toBeUndefined()
  for (const side of [request.current, request.desired]) {
    delete (side.machine as Json & { metadata: { labels: Json } }).metadata.labels['cluster.x-k8s.io/control-plane']
  }
  expect(answer(request).answer.machinePatch).toBeDefined()
})

test('a machine without a bootstrap config can be updated', () => {
  const request = asked.machine()
  for (const side of [request.current, request.desired]) delete side.bootstrapConfig
  const { answer: given } = answer(request)
  expect(coversAll(request, given)).toBe(true)
})

test('the decision is reported with the name of the machine', () => {
  const { told } = answer(asked.machine())
  expect(told.map(([name]) => name)).toEqual(['w1-cp-qslx5'])
  expect(told[0]?.[1].accepted).toEqual(['machine version'])
})
