import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { question } from './questions.ts'

// The gate that the KubeadmControlPlane controller adds for v1.31 to v1.35 and for no other version.
const gate = 'ControlPlaneKubeletLocalMode'
const accepted = `bootstrapConfig clusterConfiguration.featureGates.${gate}`
const gates = (featureGates: unknown, more = {}) => ({ clusterConfiguration: { ...more, featureGates } })
const pointer = (...keys: string[]) => ['/spec', ...keys].join('/')

function answer(versions: [string, string], current: unknown, desired: unknown, role?: 'worker') {
  return decide(question({ versions, bootstrap: [current, desired], ...(role ? { role } : {}) }))
}

describe('from v1.30 to v1.31 the gate appears', () => {
  const step: [string, string] = ['v1.30.14', 'v1.31.9']
  const wanted = { [gate]: true }
  test.each([
    [
      'next to a gate of the user',
      gates({ A: true }),
      gates({ A: true, ...wanted }),
      'add',
      ['clusterConfiguration', 'featureGates', gate],
      true,
    ],
    ['in an empty map', gates({}), gates(wanted), 'add', ['clusterConfiguration', 'featureGates', gate], true],
    [
      'with its map',
      { clusterConfiguration: { imageRepository: 'a' } },
      gates(wanted, { imageRepository: 'a' }),
      'add',
      ['clusterConfiguration', 'featureGates'],
      wanted,
    ],
    [
      'with its map, which was null',
      gates(null),
      gates(wanted),
      'add',
      ['clusterConfiguration', 'featureGates'],
      wanted,
    ],
    ['with all its parents', {}, gates(wanted), 'add', ['clusterConfiguration'], { featureGates: wanted }],
  ])('%s', (_, current, desired, op, path, value) => {
    const { declined, operations, ...rest } = answer(step, current, desired)
    expect(declined).toEqual([])
    expect(rest.accepted).toEqual(['machine version', accepted])
    expect(operations.bootstrapConfig).toEqual([{ op, path: pointer(...path), value }])
  })
})

test('in a config without spec the gate comes after the spec, and so does all else that is new', () => {
  const files = [{ path: '/etc/a', content: 'a' }]
  const { declined, operations } = answer(['v1.30.14', 'v1.31.9'], null, { ...gates({ [gate]: true }), files })
  expect(declined).toEqual([])
  expect(operations.bootstrapConfig).toEqual([
    { op: 'replace', path: '/spec', value: {} },
    { op: 'add', path: '/spec/clusterConfiguration', value: { featureGates: { [gate]: true } } },
    { op: 'add', path: '/spec/files', value: files },
  ])
})

describe('from v1.35 to v1.36 the gate goes', () => {
  const step: [string, string] = ['v1.35.4', 'v1.36.3']
  const was = { [gate]: true }
  test.each([
    [
      'and leaves a gate of the user',
      gates({ A: false, ...was }),
      gates({ A: false }),
      ['clusterConfiguration', 'featureGates', gate],
    ],
    ['and leaves the {} that is desired', gates(was), gates({}), ['clusterConfiguration', 'featureGates', gate]],
    [
      'and takes its emptied map along',
      gates(was, { imageRepository: 'a' }),
      { clusterConfiguration: { imageRepository: 'a' } },
      ['clusterConfiguration', 'featureGates'],
    ],
    ['and takes all its emptied parents along', gates(was), {}, ['clusterConfiguration']],
    [
      'and leaves an emptied parent that is desired',
      gates(was),
      { clusterConfiguration: {} },
      ['clusterConfiguration', 'featureGates'],
    ],
  ])('%s', (_, current, desired, path) => {
    const { declined, operations, ...rest } = answer(step, current, desired)
    expect(declined).toEqual([])
    expect(rest.accepted).toEqual(['machine version', accepted])
    expect(operations.bootstrapConfig).toEqual([{ op: 'remove', path: pointer(...path) }])
  })

  test('and its patch never takes the spec itself, which Cluster API would then not copy back', () => {
    const { operations } = answer(step, gates(was), undefined)
    expect(operations.bootstrapConfig).toEqual([{ op: 'remove', path: '/spec/clusterConfiguration' }])
  })
})

describe('the gate is not covered', () => {
  const on = gates({ [gate]: true })
  const off = gates({ [gate]: false })
  const none = {}
  test.each<[string, [string, string], unknown, unknown]>([
    ['when it appears within v1.31', ['v1.31.1', 'v1.31.2'], none, on],
    ['when it appears at another border', ['v1.33.1', 'v1.34.2'], none, on],
    ['when it goes before v1.36', ['v1.34.4', 'v1.35.4'], on, none],
    ['when it goes within v1.36', ['v1.36.0', 'v1.36.3'], on, none],
    ['when it appears as false', ['v1.30.1', 'v1.31.2'], none, off],
    ['when the user turns it off', ['v1.35.4', 'v1.36.3'], on, off],
    ['when the user takes away the one he had turned off', ['v1.35.4', 'v1.36.3'], off, none],
    ['when the version goes down', ['v1.36.3', 'v1.35.4'], none, on],
    ['when the version skips a minor', ['v1.34.4', 'v1.36.3'], on, none],
    ['without a new version', ['v1.35.4', 'v1.35.4'], on, none],
  ])('%s', (_, step, current, desired) => {
    const { operations, declined } = answer(step, current, desired)
    expect(operations.bootstrapConfig).toEqual([])
    expect(declined.at(-1)?.values).toEqual({ path: accepted })
  })

  test('on a worker, whose kubeadm does not read it', () => {
    const { operations, declined } = answer(['v1.35.4', 'v1.36.3'], on, none, 'worker')
    expect(operations.bootstrapConfig).toEqual([])
    expect(declined.map(({ code }) => code)).toEqual(['CHANGE_NOT_COVERED'])
  })
})

test("the user's own setting of the gate, kept through v1.36, is no change", () => {
  const own = gates({ [gate]: true })
  const { declined, operations } = answer(['v1.35.4', 'v1.36.3'], own, structuredClone(own))
  expect({ declined, patch: operations.bootstrapConfig }).toEqual({ declined: [], patch: [] })
})

test('a pre-release of v1.36 has dropped the gate already', () => {
  const { declined } = answer(['v1.35.4', 'v1.36.0-rc.0'], gates({ [gate]: true }), {})
  expect(declined).toEqual([])
})
