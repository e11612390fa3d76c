import { expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { question, type Sides } from './questions.ts'

const both = (spec: unknown): Sides => [spec, structuredClone(spec)]

function opinion(kind: string, spec: unknown, apiVersion?: string) {
  const asked = question({ kind, infrastructure: both(spec), ...(apiVersion ? { apiVersion } : {}) })
  const { accepted, declined, operations } = decide(asked)
  const hasPatch = Object.values(operations).some((list) => list.length > 0)
  return { codes: declined.map(({ code }) => code), hasOpinion: hasPatch || accepted.length > 0 }
}

test.each([
  ['DevMachine', { backend: { docker: {} } }],
  ['DevMachine', { backend: { docker: { customImage: 'kindest/node:v1.34.4' } } }],
  ['DevMachineTemplate', { template: { spec: { backend: { docker: {} } } } }],
  ['DockerMachine', {}],
  ['DockerMachine', { extraMounts: [] }],
  ['DockerMachineTemplate', { template: { spec: {} } }],
])('a %s with %j is a Docker machine', (kind, spec) => {
  expect(opinion(kind, spec)).toEqual({ codes: [], hasOpinion: true })
})

test.each([
  ['DevMachine', { backend: { inMemory: {} } }],
  ['DevMachine', { backend: { inMemory: {}, docker: {} } }],
  ['DevMachine', { backend: {} }],
  ['DevMachine', {}],
  ['DevMachine', null],
  ['DevMachine', 'docker'],
  ['DevMachineTemplate', { template: { spec: { backend: { inMemory: {} } } } }],
  ['DevMachineTemplate', { spec: { backend: { docker: {} } } }],
  ['AWSMachine', { backend: { docker: {} } }],
  ['dockermachine', {}],
])('a %s with %j gets no opinion', (kind, spec) => {
  expect(opinion(kind, spec)).toEqual({ codes: ['MACHINE_FOREIGN'], hasOpinion: false })
})

test('a DockerMachine of another API group gets no opinion', () => {
  const expected = { codes: ['MACHINE_FOREIGN'], hasOpinion: false }
  expect(opinion('DockerMachine', {}, 'infrastructure.example.com/v1beta2')).toEqual(expected)
  expect(opinion('DockerMachine', {}, 'v1')).toEqual(expected)
})

test('a machine that moves from Docker to the in-memory backend gets no opinion', () => {
  const infrastructure: Sides = [{ backend: { docker: {} } }, { backend: { inMemory: {} } }]
  expect(decide(question({ infrastructure })).declined.map(({ code }) => code)).toEqual(['MACHINE_FOREIGN'])
})
