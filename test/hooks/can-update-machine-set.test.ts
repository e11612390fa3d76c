import { expect, test } from 'vitest'
import { coversAll } from '../../e2e/player/cluster-api.ts'
import type { Decision } from '../../src/decide/decide.ts'
import { answerCanUpdateMachineSet } from '../../src/hooks/can-update-machine-set.ts'
import { asked, captured, type Json, patchIn, put } from '../contract/captured.ts'

function answer(request: Json): { answer: Json; told: Decision[] } {
  const told: Decision[] = []
  const given = answerCanUpdateMachineSet(JSON.stringify(request), (_, decision) => told.push(decision))
  return { answer: { ...given }, told }
}

const version = [{ op: 'replace', path: '/spec/template/spec/version', value: 'v1.35.4' }]

test('the version change that Cluster API sent is patched, and then all three objects are equal', () => {
  const request = asked.machineSet()
  const { answer: given } = answer(request)
  expect(patchIn(given, 'machineSetPatch')).toEqual(version)
  expect(Object.keys(given).filter((field) => field.endsWith('Patch'))).toEqual(['machineSetPatch'])
  expect(coversAll(request, given)).toBe(true)
})

test('the new bootstrap files that Cluster API sent are patched, and then all three objects are equal', () => {
  const { body } = captured('can-update-machine-set.bootstrap-files')
  const { answer: given, told } = answer(body)
  const value = [{ path: '/etc/lab-file', owner: 'root:root', permissions: '0644', content: 'hello' }]
  expect(patchIn(given, 'bootstrapConfigTemplatePatch')).toEqual([
    { op: 'add', path: '/spec/template/spec/files', value },
  ])
  expect(given.machineSetPatch).toBeUndefined()
  expect(told[0]).toMatchObject({ accepted: ['bootstrapConfig files.0'], declined: [] })
  expect(coversAll(body as never, given)).toBe(true)
})

test('a new failure domain is not covered, and the version that changes with it is still patched', () => {
  const request = asked.machineSet()
  put(request.desired.machineSet, ['spec', 'template', 'spec', 'failureDomain'], 'fd2')
  const { answer: given, told } = answer(request)
  expect(patchIn(given, 'machineSetPatch')).toEqual(version)
  expect(told[0]?.declined.map(({ values }) => values.path)).toEqual(['machine failureDomain'])
  expect(coversAll(request, given)).toBe(false)
})

test('workers may skip minors', () => {
  const request = asked.machineSet()
  put(request.desired.machineSet, ['spec', 'template', 'spec', 'version'], 'v1.37.0')
  const { answer: given } = answer(request)
  expect(coversAll(request, given)).toBe(true)
})

test('a bootstrap template without spec, which comes as null, is no hindrance', () => {
  const request = asked.machineSet()
  for (const side of [request.current, request.desired]) put(side.bootstrapConfigTemplate, ['spec'], null)
  const { answer: given } = answer(request)
  expect(patchIn(given, 'machineSetPatch')).toEqual(version)
})

test('no bootstrap template at all is no hindrance', () => {
  const request = asked.machineSet()
  for (const side of [request.current, request.desired]) delete side.bootstrapConfigTemplate
  const { answer: given } = answer(request)
  expect(coversAll(request, given)).toBe(true)
})

test('templates of the in-memory backend get a Success without any patch', () => {
  const request = asked.machineSet()
  for (const side of [request.current, request.desired]) {
    put(side.infrastructureMachineTemplate, ['spec', 'template', 'spec', 'backend'], { inMemory: {} })
  }
  const { answer: given } = answer(request)
  expect(given).toMatchObject({ status: 'Success', message: '' })
  expect(Object.keys(given).filter((field) => field.endsWith('Patch'))).toEqual([])
})

test('with inMemory: simulate the files of such templates are patched, and a version is not', () => {
  const request = { ...asked.machineSet(), settings: { inMemory: 'simulate' } }
  for (const side of [request.current, request.desired]) {
    put(side.infrastructureMachineTemplate, ['spec', 'template', 'spec', 'backend'], { inMemory: {} })
  }
  const files = [{ path: '/tmp/test', content: 'a', owner: 'root:root', permissions: '0600' }]
  put(request.desired.bootstrapConfigTemplate, ['spec', 'template', 'spec', 'files'], files)
  expect(coversAll(request, answer(request).answer)).toBe(false)
  put(request.desired.machineSet, ['spec', 'template', 'spec', 'version'], 'v1.34.4')
  expect(coversAll(request, answer(request).answer)).toBe(true)
})

test('names, labels, replicas and selectors of the MachineSets do not matter', () => {
  const plain = answer(asked.machineSet()).answer
  const request = asked.machineSet()
  put(request.desired.machineSet, ['spec', 'replicas'], 1)
  put(request.desired.machineSet, ['spec', 'selector'], {})
  put(request.desired.machineSet, ['spec', 'template', 'metadata'], { labels: { a: 'b' } })
  put(request.desired.machineSet, ['metadata', 'labels'], {})
  expect(answer(request).answer).toEqual(plain)
})
