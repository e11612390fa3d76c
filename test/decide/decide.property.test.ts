import fc from 'fast-check'
import { applyPatch } from 'rfc6902'
import { describe, expect, test } from 'vitest'
import { coversAll } from '../../e2e/player/cluster-api.ts'
import type { Decision } from '../../src/decide/decide.ts'
import { claims } from '../../src/decide/fields/table.ts'
import { answerCanUpdateMachine } from '../../src/hooks/can-update-machine.ts'
import { answerCanUpdateMachineSet } from '../../src/hooks/can-update-machine-set.ts'
import { valueAt } from '../../src/kubernetes/json.ts'
import { type Json, patchIn, put } from '../contract/captured.ts'

const gate = 'ControlPlaneKubeletLocalMode'
const versions = ['v1.30.14', 'v1.31.9', 'v1.34.4', 'v1.34.5', 'v1.35.4', 'v1.36.3', '1.35', '']
// Steps that are often taken in the cases below, because they are the ones where the gate drifts.
const borders: [string, string][] = [
  ['v1.30.14', 'v1.31.9'],
  ['v1.35.4', 'v1.36.3'],
]

// Both sides of one field, of an object, or of a spec.
type Sides = fc.Arbitrary<[unknown, unknown]>

const anything = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)))
const onOff = fc.constantFrom(true, true, true, false)
const drift = fc.constantFrom<[unknown, unknown]>([undefined, true], [true, undefined])

const apiServer = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom({}, { certSANs: ['a'] }, { extraArgs: [{ name: 'v', value: '2' }] }) },
  anything,
)
const path = fc.constantFrom('/etc/a', '/etc/b', '/opt/c')
const plainFile = fc.record(
  {
    path,
    content: fc.constantFrom('one', 'two'),
    permissions: fc.constantFrom('0600', '644'),
    owner: fc.constant('root:root'),
  },
  { requiredKeys: ['path', 'content'], noNullPrototype: true },
)
// Entries that are never written in place.
const oddFile = fc.oneof(
  path.map((path) => ({ path, content: 'three', append: true })),
  fc.constantFrom({ path: '/tmp/a', content: 'three' }, { path: 'etc/a', content: 'three' }),
  path.map((path) => ({ path })),
  anything,
)
const files = fc.array(fc.oneof({ weight: 4, arbitrary: plainFile }, oddFile), { maxLength: 4 })
// A list, and what it becomes when some of its entries change and some come to it, none of them twice.
const grownFiles = fc
  .tuple(fc.uniqueArray(plainFile, { selector: (file) => file.path }), fc.array(fc.boolean()), fc.array(fc.boolean()))
  .map(([list, changes, news]): [unknown, unknown] => {
    const now = list.map((file, i) => (changes[i] ? { ...file, content: 'new' } : file))
    return [list.filter((_, i) => !news[i]), now]
  })

// The specs of a machine's three objects. A calm machine differs in nothing but its version, the gate that
// drifts with it, and files; the others differ in one field out of four, and in which of their parents are there.
function specs(calm: boolean) {
  const gates = mayBeEmpty(record({ [gate]: fc.oneof(sides(onOff), drift), Other: sides(onOff) }))
  const clusterConfiguration = mayBeEmpty(record({ featureGates: gates, apiServer: sides(apiServer) }))
  const bootstrap = mayBeEmpty(
    record({
      clusterConfiguration,
      files: fc.oneof(calm ? grownFiles : fc.tuple(maybe(files), maybe(files)), sides(files)),
      format: fc.oneof(
        { weight: 4, arbitrary: fc.constant<[unknown, unknown]>([undefined, undefined]) },
        sides(fc.constantFrom('cloud-config', 'ignition')),
      ),
      joinConfiguration: sides(fc.constant({ patches: { directory: '/etc/b' } })),
    }),
  )
  const machine = record({
    version: fc.oneof(fc.tuple(maybe(version), maybe(version)), fc.constantFrom(...borders)),
    failureDomain: sides(fc.constantFrom('a', 'b')),
    taints: sides(fc.array(anything, { maxLength: 1 })),
    deletion: sides(anything),
  })
  const docker = record({ customImage: sides(fc.string()), extraMounts: sides(anything) })
  const infrastructure = record({ backend: record({ docker: calm ? docker : mayBeEmpty(docker) }) })
  return { machine, infrastructure, bootstrap }

  function sides(usual: fc.Arbitrary<unknown>): Sides {
    const same = maybe(usual).map((value): [unknown, unknown] => [value, value])
    const differ = fc.tuple(maybe(usual), maybe(usual))
    return calm ? same : fc.oneof({ weight: 3, arbitrary: same }, { weight: 1, arbitrary: differ })
  }

  // An object that is there, that is empty, that is null, or that is not there, on each side.
  function mayBeEmpty(inner: fc.Arbitrary<[Json, Json]>): Sides {
    const fate = fc.constantFrom(...Array<Fate>(calm ? 99 : 9).fill('kept'), 'emptied', 'gone', 'null')
    const ofEmpty = fc.constantFrom<Fate>('kept', 'gone')
    const cut = (value: Json, common: Fate, empty: Fate) =>
      fates(value)[Object.keys(value).length === 0 && common === 'kept' ? empty : common]
    return fc.tuple(inner, fate, fate, ofEmpty, ofEmpty).map(([[a, b], x, y, s, t]) => [cut(a, x, s), cut(b, y, t)])
  }
}

type Fate = keyof ReturnType<typeof fates>

function fates(value: Json) {
  return { kept: value, emptied: {}, gone: undefined, null: null }
}

// What declines a machine whatever changes, and then nothing is patched.
const refusals = new Set(['MACHINE_FOREIGN', 'CONFIG_NOT_COVERED'])

const version = fc.constantFrom(...versions)

function maybe(usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.option(usual, { nil: undefined, freq: 4 })
}

// Both sides of an object whose fields have two sides each.
function record(fields: Record<string, Sides>): fc.Arbitrary<[Json, Json]> {
  return fc.record(fields).map((found) => [side(found, 0), side(found, 1)])
}

function side(found: Record<string, [unknown, unknown]>, i: 0 | 1): Json {
  const present = Object.entries(found).filter(([, values]) => values[i] !== undefined)
  return Object.fromEntries(present.map(([key, values]) => [key, values[i]]))
}

interface Case {
  isTemplate: boolean
  request: { current: Json; desired: Json }
}

// A request of either hook. `wild` puts any JSON where a spec of other objects than the Machine is expected.
function cases(kind: 'calm' | 'lively' | 'wild'): fc.Arbitrary<Case> {
  const { machine, infrastructure, bootstrap } = specs(kind === 'calm')
  const spec = (usual: Sides) => (kind === 'wild' ? fc.tuple(anything, anything) : usual)
  return fc
    .tuple(fc.boolean(), machine, spec(infrastructure), spec(bootstrap))
    .map(([isTemplate, machines, infrastructures, bootstraps]) => {
      const wrap = (value: unknown) => (isTemplate && kind !== 'wild' ? { template: { spec: value } } : value)
      const objects = (i: 0 | 1): Json => {
        const mine = { clusterName: 'c', ...machines[i] }
        return isTemplate
          ? {
              machineSet: object('MachineSet', { template: { spec: mine } }),
              infrastructureMachineTemplate: object('DevMachineTemplate', wrap(infrastructures[i])),
              bootstrapConfigTemplate: object('KubeadmConfigTemplate', wrap(bootstraps[i])),
            }
          : {
              machine: object('Machine', mine),
              infrastructureMachine: object('DevMachine', wrap(infrastructures[i])),
              bootstrapConfig: object('KubeadmConfig', wrap(bootstraps[i])),
            }
      }
      return { isTemplate, request: { current: objects(0), desired: objects(1) } }
    })
}

const any = fc.oneof(cases('calm'), cases('lively'), cases('wild'))

function object(kind: string, spec: unknown): Json {
  const group = kind.startsWith('Kubeadm') ? 'bootstrap' : 'infrastructure'
  const apiVersion = `${group}.cluster.x-k8s.io/v1beta2`
  const labels = { 'cluster.x-k8s.io/control-plane': '' }
  // Cluster API sends a spec that is not there as null.
  return { apiVersion, kind, metadata: { name: 'm', labels }, spec: spec ?? null }
}

function ask({ isTemplate, request }: Case): { answer: Json; decision: Decision } {
  const heard: Decision[] = []
  const answerTo = isTemplate ? answerCanUpdateMachineSet : answerCanUpdateMachine
  const answer = answerTo(JSON.stringify(request), (_, decision) => heard.push(decision))
  return { answer: { ...answer }, decision: heard[0] as Decision }
}

// Each object of a request with the patch of the answer, after rfc6902 has applied it.
function patched({ request }: Case, answer: Json) {
  return Object.entries(request.current).map(([name, current]) => {
    const object = structuredClone(current) as Json
    const operations = patchIn(answer, `${name}Patch`)
    if (operations) expect(applyPatch(object, operations as never)).toEqual(operations.map(() => null))
    return { name, current: current as Json, desired: request.desired[name] as Json, object, operations }
  })
}

// Every value of an object by its path; an empty object or list is a value too.
function leaves(value: unknown, path: string[] = []): [string, unknown][] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (inner.length === 0) return [[path.join('/'), value]]
  return inner.flatMap(([key, member]) => leaves(member, [...path, key]))
}

describe('for any two states of any machine', () => {
  const runs = { numRuns: 1000 }

  test('the answer never fails, is the same each time, and does not change what it was asked', () => {
    fc.assert(
      fc.property(any, (one) => {
        const copy = structuredClone(one)
        const { answer } = ask(one)
        expect(answer.status).toBe('Success')
        expect(ask(one).answer).toEqual(answer)
        expect(one).toEqual(copy)
      }),
      runs,
    )
  })

  test('a patch field is a JSON patch with something in it, or is not there', () => {
    fc.assert(
      fc.property(any, (one) => {
        const { answer } = ask(one)
        for (const [field, value] of Object.entries(answer).filter(([name]) => name.endsWith('Patch'))) {
          expect(Object.keys(value as Json)).toEqual(['patchType', 'patch'])
          expect((value as Json).patchType).toBe('JSONPatch')
          expect(patchIn(answer, field)?.length).toBeGreaterThan(0)
        }
      }),
      runs,
    )
  })

  test('patched objects are as desired at what is accepted and as current everywhere else', () => {
    const acceptedIn = ({ accepted }: Decision) =>
      claims
        .filter(({ object, path }) => accepted.includes(`${object} ${path.join('.')}`))
        .map(({ path }) => path.join('/'))
    const isAt = (path: string, claimed: string[]) =>
      claimed.some((claim) => `/${path}/`.endsWith(`/${claim}/`) || `/${path}/`.includes(`/${claim}/`))
    // A parent that the patch empties or makes is judged by the next property.
    const isAbove = (path: string) =>
      /(^|\/)(spec|clusterConfiguration|featureGates|apiServer|controllerManager|scheduler|etcd|local)$/.test(path)
    // Lists that are taken in part have a property of their own, below.
    const isInPart = (path: string) => /(^|\/)spec\/files(\/|$)/.test(path)
    const parts = (value: unknown, mine: boolean, claimed: string[]) =>
      leaves(value)
        .filter(([path]) => isAt(path, claimed) === mine && !isAbove(path) && !isInPart(path))
        .sort()
    fc.assert(
      fc.property(fc.oneof(cases('calm'), cases('lively')), (one) => {
        const { answer, decision } = ask(one)
        const claimed = acceptedIn(decision)
        for (const { current, desired, object, operations } of patched(one, answer)) {
          if (!operations) continue
          expect(parts(object, true, claimed)).toEqual(parts(desired, true, claimed))
          expect(parts(object, false, claimed)).toEqual(parts(current, false, claimed))
        }
      }),
      runs,
    )
  })

  test('of files just those are patched that are accepted: no other comes, changes, moves or goes', () => {
    const seen = { accepted: 0, inPart: 0 }
    const filesOf = (object: Json): unknown[] => {
      const found = valueAt(object, ['spec', 'files']) ?? valueAt(object, ['spec', 'template', 'spec', 'files'])
      return Array.isArray(found) ? found : []
    }
    const texts = (files: unknown[]) => files.map((file) => JSON.stringify(file))
    fc.assert(
      fc.property(fc.oneof(cases('calm'), cases('lively')), (one) => {
        const { answer, decision } = ask(one)
        const [config] = patched(one, answer).filter(({ name }) => name.startsWith('bootstrap'))
        if (!config) throw new Error('there is no bootstrap config')
        const [before, wanted, after] = [config.current, config.desired, config.object].map(filesOf).map(texts)
        const indexes = decision.accepted.flatMap((name) => /^bootstrapConfig files\.(\d+)$/.exec(name)?.[1] ?? [])
        const accepted = indexes.map((i) => wanted?.[Number(i)] ?? '')
        const paths = accepted.map((text) => JSON.parse(text).path)
        const others = (list: string[] = []) => list.filter((text) => !paths.includes(JSON.parse(text)?.path))
        expect(after?.filter((text) => paths.includes(JSON.parse(text)?.path)).sort()).toEqual(accepted.sort())
        expect(others(after)).toEqual(others(before))
        if (accepted.length > 0) seen.accepted++
        if (accepted.length > 0 && decision.declined.some(({ code }) => code === 'FILE_NOT_COVERED')) seen.inPart++
      }),
      runs,
    )
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0)
  })

  test("Cluster API's own comparison comes out equal exactly when nothing was declined", () => {
    const seen = { inPlace: 0, withGate: 0, withFiles: 0, declined: 0 }
    fc.assert(
      fc.property(any, (one) => {
        const { answer, decision } = ask(one)
        if (decision.declined.some(({ code }) => refusals.has(code))) {
          expect(Object.keys(answer).filter((key) => key.endsWith('Patch'))).toEqual([])
          return
        }
        if (decision.declined.length > 0) seen.declined++
        else if (decision.accepted.length > 0) seen.inPlace++
        const isMade = (part: string) => decision.accepted.some((name) => name.includes(part))
        if (decision.declined.length === 0 && isMade(gate)) seen.withGate++
        if (decision.declined.length === 0 && isMade('files')) seen.withFiles++
        expect(coversAll(one.request, answer)).toBe(decision.declined.length === 0)
      }),
      { numRuns: 3000 },
    )
    // The generator must reach what this is about, else the property proves nothing.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0)
  })

  test('absent is not an empty object', () => {
    const places: [string, string[]][] = [
      ['bootstrapConfig', ['spec', 'clusterConfiguration']],
      ['bootstrapConfig', ['spec', 'clusterConfiguration', 'featureGates']],
      ['bootstrapConfig', ['spec', 'joinConfiguration', 'nodeRegistration']],
      ['infrastructureMachine', ['spec', 'backend', 'docker', 'extraMounts']],
      ['machine', ['spec', 'failureDomain']],
    ]
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.boolean(), fc.constantFrom({}, []), (place, added, empty) => {
        const [name, path] = place
        const without = {
          machine: object('Machine', { clusterName: 'c', version: 'v1.34.4' }),
          infrastructureMachine: object('DevMachine', { backend: { docker: {} } }),
          bootstrapConfig: object('KubeadmConfig', {}),
        }
        const withEmpty = structuredClone(without) as Record<string, Json>
        put(withEmpty[name], path, empty)
        const parent = path.slice(0, -1)
        const bare = structuredClone(withEmpty)
        delete (valueAt(bare[name], parent) as Json)[path.at(-1) as string]
        const request = added ? { current: bare, desired: withEmpty } : { current: withEmpty, desired: bare }
        const { answer, decision } = ask({ isTemplate: false, request })
        expect(decision.declined.map(({ code }) => code)).toEqual(['CHANGE_NOT_COVERED'])
        expect(coversAll(request, answer)).toBe(false)
      }),
      { numRuns: 60 },
    )
  })
})
