import { describe, expect, test } from 'vitest'
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

const memory: Sides = both({ backend: { inMemory: {} } })
const same: [string, string] = ['v1.35.4', 'v1.35.4']
const file = { path: '/etc/a', content: 'a' }

describe('with inMemory: simulate', () => {
  const simulate = { inMemory: 'simulate' as const, infrastructure: memory }

  test.each([
    ['DevMachine', memory],
    ['DevMachineTemplate', both({ template: { spec: { backend: { inMemory: { vm: {} } } } } })],
  ])('files of a %s with the in-memory backend are accepted, and the words say that it is no real machine', (kind, infrastructure) => {
    const bootstrap: Sides = [{}, { files: [file] }]
    const decision = decide(question({ ...simulate, kind, infrastructure, versions: same, bootstrap }))
    expect(decision.declined).toEqual([])
    expect(decision.accepted).toEqual(['simulated: bootstrapConfig files.0'])
    expect(decision.operations.bootstrapConfig).toEqual([{ op: 'add', path: '/spec/files', value: [file] }])
  })

  test("no place is closed, because nothing is written: Cluster API's own spec uses /tmp", () => {
    const files = (content: string) => ({ files: [{ ...file, path: '/tmp/test', content }] })
    const bootstrap: Sides = [files('one'), files('two')]
    const codes = (more: object) =>
      decide(question({ versions: same, bootstrap, ...more })).declined.map(({ code }) => code)
    expect(codes(simulate)).toEqual([])
    expect(codes({ inMemory: 'simulate' })).toEqual(['FILE_NOT_COVERED'])
  })

  test('all other rules for files hold', () => {
    const bootstrap: Sides = [{ files: [file] }, { files: [] }]
    const decision = decide(question({ ...simulate, versions: same, bootstrap }))
    expect(decision.declined.map(({ code }) => code)).toEqual(['FILE_NOT_COVERED'])
  })

  test.each(['all', 'version'] as const)('a version is not covered with changes: %s', (changes) => {
    const { declined, operations } = decide(question({ ...simulate, changes }))
    expect(declined.map(({ values }) => values.path)).toEqual(['machine version'])
    expect(operations).toEqual({ machine: [], bootstrapConfig: [] })
  })

  test('a Docker machine is decided as ever', () => {
    expect(decide(question({ inMemory: 'simulate' }))).toEqual(decide(question()))
  })

  test.each([
    ['DevMachine', { backend: { inMemory: {}, docker: {} } }],
    ['DevMachine', { backend: {} }],
    ['AWSMachine', { backend: { inMemory: {} } }],
  ])('a %s with %j gets no opinion', (kind, spec) => {
    const asked = question({ inMemory: 'simulate', kind, infrastructure: both(spec) })
    expect(decide(asked).declined.map(({ code }) => code)).toEqual(['MACHINE_FOREIGN'])
  })

  test('a machine that moves from one backend to the other is not covered', () => {
    const infrastructure: Sides = [{ backend: { docker: {} } }, { backend: { inMemory: {} } }]
    const asked = question({ inMemory: 'simulate', infrastructure, versions: same })
    const { declined, accepted } = decide(asked)
    expect(accepted).toEqual([])
    expect(declined.map(({ values }) => values.path)).toContain('infrastructure backend.docker')
  })
})
