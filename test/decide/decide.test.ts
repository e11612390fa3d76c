import { describe, expect, test } from 'vitest'
import { notCompared } from '../../e2e/player/cluster-api.ts'
import { decide } from '../../src/decide/decide.ts'
import { question, type Sides } from './questions.ts'

const version = { op: 'replace', path: '/spec/version', value: 'v1.35.4' }

function declinedPaths(asked: ReturnType<typeof question>): string[] {
  return decide(asked).declined.map((error) => {
    expect(error.code).toBe(error.values.path?.includes(' files') ? 'FILE_NOT_COVERED' : 'CHANGE_NOT_COVERED')
    return error.values.path ?? ''
  })
}

const file = (content: string) => ({ files: [{ path: '/etc/file', content }] })
const files: Sides = [file('old'), file('new')]
const commands = { preKubeadmCommands: ['true'] }

test.each<[string, boolean, Parameters<typeof question>[0]]>([
  ['only files', false, { versions: ['v1.35.4', 'v1.35.4'], bootstrap: files }],
  ['only files of a worker', false, { role: 'worker', versions: ['v1.35.4', 'v1.35.4'], bootstrap: files }],
  ['the version', true, {}],
  ['the version and files', true, { bootstrap: files }],
  ['files, and what is not covered', true, { bootstrap: [file('old'), { ...file('new'), ...commands }] }],
  ['nothing', true, { versions: ['v1.35.4', 'v1.35.4'] }],
  ['only files, of a machine without an opinion', true, { kind: 'OtherMachine', bootstrap: files }],
])('a change of %s: affectsAvailability is %s', (_, affects, given) => {
  expect(decide(question(given)).affectsAvailability).toBe(affects)
})

test.each([
  'DevMachine',
  'DockerMachine',
  'OtherMachine',
])('with disableInPlaceUpdates everything is declined for a %s, for this reason', (kind) => {
  const infrastructure: Sides = kind === 'DockerMachine' ? [{}, {}] : [{ backend: { docker: {} } }, {}]
  const { declined, ...rest } = decide(question({ kind, infrastructure, disableInPlaceUpdates: 'true' }))
  expect(declined.map(({ code }) => code)).toEqual(['IN_PLACE_DISABLED'])
  const operations = { machine: [], bootstrapConfig: [] }
  expect(rest).toEqual({ accepted: [], affectsAvailability: true, operations })
})

describe('a new version', () => {
  test('is accepted and patched, and nothing else is', () => {
    const { accepted, declined, operations } = decide(question())
    expect(accepted).toEqual(['machine version'])
    expect(declined).toEqual([])
    expect(operations).toEqual({ machine: [version], bootstrapConfig: [] })
  })

  test('is patched in part when something that is not covered changes with it', () => {
    const { accepted, declined, operations } = decide(
      question({ machine: [{ failureDomain: 'a' }, { failureDomain: 'b' }] }),
    )
    expect(accepted).toEqual(['machine version'])
    expect(declined).toMatchObject([{ code: 'CHANGE_NOT_COVERED', values: { path: 'machine failureDomain' } }])
    expect(operations.machine).toEqual([version])
  })

  test('that is declined leaves the object without a patch', () => {
    const { operations } = decide(question({ versions: ['v1.35.4', 'v1.34.4'] }))
    expect(operations).toEqual({ machine: [], bootstrapConfig: [] })
  })
})

describe('of a Machine', () => {
  test.each([
    ['failureDomain', 'fd1', 'fd2'],
    ['failureDomain', undefined, 'fd1'],
    ['nodeDrainTimeout', '10s', '20s'],
    ['anythingNew', undefined, {}],
  ])('a change of %s from %j to %j is not covered', (field, from, to) => {
    const side = (value: unknown) => (value === undefined ? {} : { [field]: value })
    expect(declinedPaths(question({ machine: [side(from), side(to)] }))).toEqual([`machine ${field}`])
  })

  test.each(
    notCompared,
  )('a change of %s, which Cluster API does not compare, is neither patched nor declined', (field) => {
    const { declined, operations } = decide(question({ machine: [{ [field]: ['a'] }, { [field]: ['b'] }] }))
    expect(declined).toEqual([])
    expect(operations.machine).toEqual([version])
  })
})

describe('of a KubeadmConfig', () => {
  const file = { path: '/etc/a', content: 'a' }
  test.each<[string, unknown, unknown, string]>([
    ['files removed', { files: [file] }, {}, 'files'],
    ['commands', { preKubeadmCommands: ['a'] }, { preKubeadmCommands: ['b'] }, 'preKubeadmCommands'],
    ['format', { format: 'cloud-config' }, { format: 'ignition' }, 'format'],
    [
      "another gate of the user's own",
      { clusterConfiguration: { featureGates: { A: true } } },
      { clusterConfiguration: { featureGates: { A: false } } },
      'clusterConfiguration.featureGates.A',
    ],
    ['an empty object next to none', {}, { initConfiguration: {} }, 'initConfiguration'],
    ['none next to an empty object', { initConfiguration: {} }, {}, 'initConfiguration'],
    ['an empty list next to none', { files: [] }, {}, 'files'],
    ['an empty object next to an empty list', { files: [] }, { files: {} }, 'files'],
    ['an empty parent of the claimed gate', {}, { clusterConfiguration: {} }, 'clusterConfiguration'],
  ])('%s are not covered', (_, current, desired, path) => {
    const { operations } = decide(question({ bootstrap: [current, desired] }))
    expect(operations.bootstrapConfig).toEqual([])
    expect(declinedPaths(question({ bootstrap: [current, desired] }))).toEqual([`bootstrapConfig ${path}`])
  })

  test('a spec that is null on both sides is no change', () => {
    const { declined, accepted } = decide(question({ bootstrap: [null, null] }))
    expect({ declined, accepted }).toEqual({ declined: [], accepted: ['machine version'] })
  })

  test('a spec that is null on one side only is not covered', () => {
    expect(declinedPaths(question({ bootstrap: [null, {}] }))).toEqual(['bootstrapConfig spec'])
    expect(declinedPaths(question({ bootstrap: [{ files: [] }, null] }))).toEqual(['bootstrapConfig spec'])
  })
})

describe('of the infrastructure machine', () => {
  const spec = (docker: object) => ({ backend: { docker } })
  test.each<[string, Sides]>([
    ['customImage', [spec({ customImage: 'a:v1' }), spec({ customImage: 'a:v2' })]],
    ['customImage', [spec({}), spec({ customImage: 'a:v2' })]],
    ['customImage', [spec({ customImage: 'a:v1' }), spec({})]],
    ['extraMounts', [spec({}), spec({ extraMounts: [] })]],
    ['preLoadImages', [spec({ preLoadImages: ['a'] }), spec({ preLoadImages: ['b'] })]],
    ['bootstrapTimeout', [spec({}), spec({ bootstrapTimeout: '5m' })]],
  ])('a change of %s is never covered', (field, infrastructure) => {
    expect(declinedPaths(question({ infrastructure }))).toEqual([`infrastructure backend.docker.${field}`])
  })

  test('a change of customImage of a DockerMachine is never covered', () => {
    const infrastructure: Sides = [{ customImage: 'a:v1' }, { customImage: 'a:v2' }]
    const asked = question({ kind: 'DockerMachine', infrastructure })
    expect(declinedPaths(asked)).toEqual(['infrastructure customImage'])
  })
})

test('an object that is there on one side only is not covered, and nothing is patched into nothing', () => {
  const gate = { clusterConfiguration: { featureGates: { ControlPlaneKubeletLocalMode: true } } }
  const asked = question({ versions: ['v1.30.9', 'v1.31.0'], bootstrap: [{}, gate] })
  const { declined, operations } = decide({
    ...asked,
    bootstrapConfig: { ...asked.bootstrapConfig, current: undefined },
  })
  expect(declined.map(({ code }) => code)).toEqual(['CHANGE_NOT_COVERED'])
  expect(operations.bootstrapConfig).toEqual([])
})

test('the question is not changed by the answer', () => {
  const asked = question({ bootstrap: [{ files: [] }, { files: [{ path: '/etc/a' }] }] })
  const copy = structuredClone(asked)
  decide(asked)
  expect(asked).toEqual(copy)
})
