import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import type { Field } from '../../src/decide/fields/field.ts'
import { fieldTable } from '../../src/decide/fields/table.ts'
import type { Role } from '../../src/kubernetes/versions.ts'
import { put } from '../contract/captured.ts'
import { question } from './questions.ts'

type Json = Record<string, unknown>

// One entry with another value.
const settings = ['1', '2'].map((value) => [{ name: 'a', value }])

// Values of fields that have rules of their own: some that may stay as they are, and some that decline.
const special: Record<string, { good?: unknown[]; bad?: unknown[] }> = {
  'clusterConfiguration.etcd.external': { good: [], bad: [{ endpoints: ['https://etcd-1:2379'] }] },
  'clusterConfiguration.etcd.local.extraArgs': {
    good: settings,
    bad: [[{ name: 'listen-metrics-urls', value: 'https://127.0.0.1:2381' }]],
  },
  extraArgs: { good: settings },
  extraEnvs: { good: settings },
  extraVolumes: { good: ['/a', '/b'].map((hostPath) => [{ name: 'a', hostPath, mountPath: '/a' }]) },
  'clusterConfiguration.featureGates': { good: [{ A: true }, { A: false }] },
  'clusterConfiguration.featureGates.ControlPlaneKubeletLocalMode': { good: [true] },
  'nodeRegistration.criSocket': { good: ['/run/containerd/containerd.sock'], bad: ['unix:///run/crio/crio.sock'] },
  'nodeRegistration.kubeletExtraArgs': {
    bad: [[{ name: 'healthz-port', value: '1' }], [{ name: 'pod-manifest-path', value: '/a' }]],
  },
  skipPhases: { good: [['addon'], ['addon/coredns', 'preflight']], bad: [['certs/ca'], ['kubelet-start', 'addon']] },
  'patches.directory': { good: ['/etc/kubernetes/patches'], bad: ['patches', '/etc/../patches'] },
  files: { good: [[{ path: '/etc/a', content: 'a' }], [{ path: '/etc/a', content: 'b' }]] },
  format: { good: ['cloud-config'] },
  postKubeadmCommands: {
    good: [['true'], ['cp /a /etc/kubernetes/manifests/kube-vip.yaml']],
    bad: [['rm /var/lib/kubelet/config.yaml']],
  },
  extraMounts: {
    good: [[{ containerPath: '/a' }], [{ containerPath: '/b' }]],
    bad: [[{ containerPath: '/usr/bin/kubelet' }]],
  },
}

function valuesOf({ path, below }: Field): { good: unknown[]; bad: unknown[] } {
  const name = Object.keys(special).find((ending) => path === ending || path.endsWith(`.${ending}`)) ?? ''
  const { good = ['a', 'b'].map((value) => sample(below, value)), bad = [] } = special[name] ?? {}
  return { good, bad }
}

// A value with the first of the fields that a row names below its own.
function sample([first]: readonly string[] = [], value: string): unknown {
  if (first === undefined) return value
  return first.startsWith('[].') ? [{ [first.slice(3)]: value }] : { [first]: value }
}

// What a case does with one field: `bad` stays as it is and declines, `good` stays and is kept, and the others change.
type Fate = 'good' | 'bad' | 'changes' | 'comes' | 'goes'

interface Part {
  object: 'bootstrapConfig' | 'infrastructure' | 'machine'
  field: Field
  fate: Fate
  sides: [unknown, unknown]
}

function partOf(object: Part['object'], field: Field): fc.Arbitrary<Part> {
  const { good, bad } = valuesOf(field)
  const options: [Fate, number, [unknown, unknown]][] = [
    ...good.map((value): [Fate, number, [unknown, unknown]] => ['good', 12, [value, value]]),
    ...bad.map((value): [Fate, number, [unknown, unknown]] => ['bad', 2, [value, value]]),
    ...(good.length > 1 ? [['changes', 1, [good[0], good[1]]] as [Fate, number, [unknown, unknown]]] : []),
    ...good.slice(0, 1).flatMap((value): [Fate, number, [unknown, unknown]][] => [
      ['comes', 1, [undefined, value]],
      ['goes', 1, [value, undefined]],
    ]),
  ]
  return fc.oneof(
    ...options.map(([fate, weight, sides]) => ({ weight, arbitrary: fc.constant({ object, field, fate, sides }) })),
  )
}

function partsOf(object: Part['object'], fields: readonly Field[], most: number): fc.Arbitrary<Part[]> {
  return fc
    .subarray([...fields], { maxLength: most })
    .chain((some) => fc.tuple(...some.map((each) => partOf(object, each))))
}

const others = fieldTable.Machine.filter(({ path }) => path !== 'version')
const containers = fieldTable.DevMachine.filter(({ path }) => path !== 'backend.inMemory')
const steps: [string, string][] = [
  ['v1.34.4', 'v1.35.4'],
  ['v1.35.4', 'v1.36.3'],
  ['v1.35.4', 'v1.35.4'],
]

const cases = fc.record({
  role: fc.constantFrom<Role>('control-plane', 'worker'),
  step: fc.constantFrom(...steps),
  parts: fc
    .tuple(
      partsOf('bootstrapConfig', fieldTable.KubeadmConfig, 6),
      partsOf('infrastructure', containers, 2),
      partsOf('machine', others, 2),
    )
    .map((parts): Part[] => parts.flat()),
})
type Case = typeof cases extends fc.Arbitrary<infer One> ? One : never

function specOf(parts: Part[], object: Part['object'], side: 0 | 1): Json {
  const spec: Json = object === 'infrastructure' ? { backend: { docker: {} } } : {}
  const values = parts.filter((part) => part.object === object && part.sides[side] !== undefined)
  for (const { field, sides } of values) put(spec, field.path.split('.'), structuredClone(sides[side]))
  return spec
}

function decisionOn({ role, step, parts }: Case) {
  const sides = (object: Part['object']): [Json, Json] => [specOf(parts, object, 0), specOf(parts, object, 1)]
  const [machine, infrastructure, bootstrap] = [sides('machine'), sides('infrastructure'), sides('bootstrapConfig')]
  return decide(question({ role, versions: step, machine, infrastructure, bootstrap }))
}

// What the table has for a case: refused as a whole, or the fields that decline.
function verdictOf({ role, step, parts }: Case): { isRefused: boolean; declines: string[] } {
  const isRefused = parts.some(({ fate, field }) => fate === 'bad' && (field.roles ?? [role]).includes(role))
  const changed = parts.filter(({ fate }) => fate !== 'good' && fate !== 'bad')
  const hasPatches = parts.some(
    ({ field, sides }) => field.path.endsWith('patches.directory') && sides[1] !== undefined,
  )
  const declines = changed.filter((part) => !isMade(part)).map(({ object, field }) => `${object} ${field.path}`)
  return { isRefused, declines }

  function isMade({ field, fate }: Part): boolean {
    if (field.notCompared) return true
    if (field.path === 'files') return fate !== 'goes'
    if (field.claim?.selectedBy === 'settings') return fate !== 'goes' && role === 'control-plane' && !hasPatches
    const isGate = field.claim !== undefined
    return isGate && fate === 'goes' && role === 'control-plane' && step[1] === 'v1.36.3'
  }
}

test('for any fields that are there, and any that change, the decision is the one of the table', () => {
  // Accepted: something is made in place, and nothing declines.
  const seen = { accepted: 0, refused: 0, declined: 0, all: 0 }
  fc.assert(
    fc.property(cases, (one) => {
      const { accepted, declined, operations } = decisionOn(one)
      const { isRefused, declines } = verdictOf(one)
      seen.all++
      if (isRefused) {
        seen.refused++
        expect(declined.map(({ code }) => code)).toEqual(['CONFIG_NOT_COVERED'])
        expect({ accepted, operations }).toEqual({ accepted: [], operations: { machine: [], bootstrapConfig: [] } })
        return
      }
      const paths = declined.map(({ values }) => values.path ?? '')
      const isAt = (path: string, field: string) => `${path}.`.startsWith(`${field}.`)
      expect(paths.filter((path) => !declines.some((field) => isAt(path, field)))).toEqual([])
      expect(declines.filter((field) => !paths.some((path) => isAt(path, field)))).toEqual([])
      if (declines.length > 0) seen.declined++
      else if (accepted.length > 0) seen.accepted++
      expect(accepted.includes('machine version')).toBe(one.step[0] !== one.step[1])
    }),
    { numRuns: 3000 },
  )
  expect(seen.accepted).toBeGreaterThan(seen.all / 3)
  expect(Math.min(seen.refused, seen.declined)).toBeGreaterThan(seen.all / 50)
})

test('the fields that may decline as they are have an example here, and no other field has', () => {
  const fields: readonly Field[] = [...fieldTable.KubeadmConfig, ...containers]
  for (const field of fields) expect(valuesOf(field).bad.length > 0, field.path).toBe(field.objection !== undefined)
})
