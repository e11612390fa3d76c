import { describe, expect, test } from 'vitest'
import { momentsOf } from '../../../e2e/recovery/moments.ts'
import {
  batchesOf,
  defaultTurns,
  memberTurns,
  rowOf,
  shortTurns,
  turnOf,
  wayOf,
  workersPerBatch,
} from '../../../e2e/recovery/rows.ts'
import { actingOf, allSteps, stepsOf } from '../../../e2e/recovery/steps.ts'
import { describeProgress, isAtBoundary, isPast, type Progress } from '../../../e2e/recovery/watch.ts'

const seen = (parts: Partial<Progress>): Progress => ({
  step: '',
  state: 'open',
  units: new Map(),
  work: new Set(),
  copies: 0,
  ...parts,
})
const unit = (step: string, sub: string) => new Map([[step, sub]])

describe('the rows that run by default', () => {
  const rows = defaultTurns().flat()

  test('every kind of fault twice, every step once, 16 rows on workers and 8 on each way of a control plane', () => {
    const faults = Map.groupBy(rows, ({ fault }) => fault)
    expect(faults.size).toBe(9)
    for (const [fault, of] of faults)
      expect(of.length, fault).toBeGreaterThanOrEqual(fault.startsWith('broken') ? 1 : 2)
    expect(new Set(rows.map(({ step }) => step))).toEqual(new Set(allSteps))
    const ofWay = Map.groupBy(defaultTurns(), (turn) => wayOf(turn, turn[0]?.role ?? 'worker'))
    expect(ofWay.get('worker')?.flat().length).toBeGreaterThanOrEqual(16)
    expect(ofWay.get('together')?.flat().length).toBeGreaterThanOrEqual(8)
    expect(ofWay.get('one-by-one')?.flat().length).toBeGreaterThanOrEqual(8)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  })

  test('a unit and a container are killed at each moment that one member has', () => {
    const moments = ['prepare', 'exchange'].flatMap((step) => momentsOf(step).map((moment) => `${step}.${moment}`))
    const wanted = moments.filter((name) => name !== 'exchange.drained')
    for (const fault of ['unit-kill', 'container-kill']) {
      const played = rows.filter((row) => row.fault === fault).map(({ step, boundary }) => `${step}.${boundary}`)
      expect(played).toEqual(expect.arrayContaining(wanted))
    }
  })

  test('in clusters with several members: all of the usual way, and what needs the others', () => {
    const turns = memberTurns()
    expect(turns.map((turn) => wayOf(turn, 'control-plane'))).toEqual(turns.map(() => 'together'))
    const usual = defaultTurns().filter((turn) => wayOf(turn, turn[0]?.role ?? 'worker') === 'together')
    expect(turns).toEqual(expect.arrayContaining(usual))
    const faults = new Set(turns.flat().map(({ fault }) => fault))
    expect([...faults]).toEqual(expect.arrayContaining(['member-kill', 'balancer-stop']))
    expect(turns.flat().map(({ boundary }) => boundary)).toContain('drained')
  })

  test('rows that share a machine come in the order of its steps, and of the moments of a step', () => {
    const placeOf = ({ step, boundary }: { step: string; boundary: string }) =>
      allSteps.indexOf(step) * 100 + 1 + momentsOf(step).indexOf(boundary)
    for (const turn of [...defaultTurns(), ...memberTurns(), ...shortTurns()]) {
      const places = turn.map(placeOf)
      expect(places).toEqual([...places].sort((a, b) => a - b))
    }
  })

  test('a batch has one control plane turn and no more workers than its cluster', () => {
    const batches = batchesOf(defaultTurns())
    expect(batches.flatMap(({ controlPlane, workers }) => [...controlPlane, ...workers.flat()])).toHaveLength(
      rows.length,
    )
    for (const { workers } of batches) expect(workers.length).toBeLessThanOrEqual(workersPerBatch)
  })
})

test.each([
  'worker',
  'worker.binaries.during',
  'worker.binaries.during.flood',
  'node.binaries.during.unit-kill',
  'worker.exchange.during.unit-kill',
  'control-plane.api-servers.during.unit-kill',
  'control-plane.kubeadm.etcd-ended.unit-kill',
  'control-plane.exchange.during.no-such-fault',
])('there is no row %s', (id) => {
  expect(() => rowOf(id)).toThrow(`There is no row "${id}"`)
})

describe('the way of a turn', () => {
  test.each([
    ['worker.kubelet.during.unit-kill', 'worker'],
    ['control-plane.exchange.during.unit-kill', 'together'],
    ['control-plane.images.before.disk-full+control-plane.tidy.before.service-kill', 'together'],
    ['control-plane.kubeadm.before.disk-full', 'together'],
    ['control-plane.kubeadm.during.unit-kill', 'one-by-one'],
    ['control-plane.images.before.disk-full+control-plane.static-pods.during.replica-kill', 'one-by-one'],
    ['control-plane.kubelet.after.service-kill', 'one-by-one'],
  ] as const)('%s: %s', (ids, way) => {
    const turn = turnOf(ids)
    expect(wayOf(turn, turn[0]?.role ?? 'worker')).toBe(way)
  })

  test('a control plane machine without rows takes the usual one', () => {
    expect(wayOf([], 'control-plane')).toBe('together')
  })

  test('rows of two ways or of two roles are no turn', () => {
    const kubelet = 'control-plane.kubelet.during.unit-kill'
    expect(() => turnOf(`control-plane.exchange.during.unit-kill+${kubelet}`)).toThrow()
    expect(() => turnOf(`worker.kubelet.during.unit-kill+${kubelet}`)).toThrow()
  })

  test.each(['worker', 'together', 'one-by-one'] as const)('%s has its steps in the common order', (way) => {
    expect(stepsOf(way)).toEqual(allSteps.filter((step) => stepsOf(way).includes(step)))
  })

  test('only one of the two ways swaps programs in a step of its own', () => {
    expect(actingOf('one-by-one')).toContain('kubelet')
    expect(actingOf('together')).not.toContain('kubelet')
    expect(actingOf('together')).toEqual(expect.arrayContaining(['render', 'prepare', 'exchange', 'kubeadm']))
  })
})

describe('boundaries', () => {
  test.each([
    ['binaries', 'during', seen({ step: 'binaries', units: unit('binaries', 'running') })],
    ['binaries', 'after', seen({ step: 'binaries', units: unit('binaries', 'exited'), work: new Set(['bin']) })],
    ['image-list', 'before', seen({ step: 'binaries', work: new Set(['bin']) })],
    ['image-archive', 'during', seen({ step: 'image-archive', work: new Set(['bin', 'images.list']) })],
    ['kubeadm', 'before', seen({ step: 'images', units: unit('images', 'exited') })],
    ['static-pods', 'during', seen({ step: 'kubeadm', work: new Set(['kubeadm.done']) })],
    ['kubelet', 'after', seen({ step: 'kubelet', units: unit('kubelet', 'exited') })],
    ['verify', 'during', seen({ step: 'verify', units: unit('kubelet', 'exited') })],
    ['tidy', 'after', seen({ state: 'done' })],
  ] as const)('%s %s', (step, boundary, state) => {
    expect(isAtBoundary(step, boundary, state, 'one-by-one')).toBe(true)
  })

  test.each([
    ['binaries', 'during', seen({ step: 'binaries', units: unit('binaries', 'exited') })],
    ['image-list', 'before', seen({ step: 'image-list', work: new Set(['bin']) })],
    ['kubelet', 'before', seen({ step: 'kubelet', work: new Set(['kubeadm.done']) })],
    ['preflight', 'during', seen({ step: 'binaries' })],
    ['verify', 'during', seen({ step: 'kubelet', units: unit('kubelet', 'exited') })],
    ['tidy', 'before', seen({ state: 'done' })],
  ] as const)('%s %s is over', (step, boundary, state) => {
    expect(isAtBoundary(step, boundary, state, 'one-by-one')).toBe(false)
  })
})

describe('boundaries of an exchange of everything at once', () => {
  const exchanged = new Set(['bin', 'rendered', 'prepared', 'exchanged'])

  test.each([
    ['render', 'before', seen({ step: 'images', units: unit('images', 'exited') })],
    ['files', 'during', seen({ step: 'images', units: unit('images', 'exited') })],
    ['render', 'after', seen({ step: 'render', units: unit('render', 'exited'), work: new Set(['rendered']) })],
    ['prepare', 'before', seen({ step: 'render', work: new Set(['rendered']) })],
    ['prepare', 'during', seen({ step: 'prepare', units: unit('prepare', 'running'), work: new Set(['rendered']) })],
    ['exchange', 'before', seen({ step: 'prepare', work: new Set(['rendered', 'prepared']) })],
    ['exchange', 'during', seen({ step: 'exchange', units: unit('exchange', 'running') })],
    ['exchange', 'after', seen({ step: 'exchange', units: unit('exchange', 'exited'), work: exchanged })],
    ['kubeadm', 'before', seen({ step: 'exchange', units: unit('exchange', 'exited'), work: exchanged })],
    ['kubelet', 'during', seen({ step: 'kubelet', work: new Set([...exchanged, 'kubeadm.done']) })],
    ['verify', 'during', seen({ step: 'verify', work: new Set([...exchanged, 'kubeadm.done']) })],
  ] as const)('%s %s', (step, boundary, state) => {
    expect(isAtBoundary(step, boundary, state, 'together')).toBe(true)
  })

  test.each([
    ['render', 'before', seen({ step: 'render', units: unit('images', 'exited') })],
    ['exchange', 'before', seen({ step: 'exchange', work: new Set(['rendered', 'prepared']) })],
    ['exchange', 'during', seen({ step: 'exchange', units: unit('exchange', 'exited'), work: exchanged })],
    ['exchange', 'etcd-ended', seen({ step: 'exchange', units: unit('exchange', 'running') })],
    ['verify', 'during', seen({ step: 'static-pods', work: new Set([...exchanged, 'kubeadm.done']) })],
  ] as const)('it is not %s %s', (step, boundary, state) => {
    expect(isAtBoundary(step, boundary, state, 'together')).toBe(false)
  })

  test.each([
    ['prepare', seen({ step: 'prepare', work: new Set(['rendered', 'prepared']) }), false],
    ['prepare', seen({ step: 'exchange', work: new Set(['rendered', 'prepared']) }), true],
    ['exchange', seen({ step: 'exchange', work: exchanged }), false],
    ['exchange', seen({ step: 'kubeadm', work: exchanged }), true],
    ['static-pods', seen({ step: 'verify', work: new Set([...exchanged, 'kubeadm.done']) }), false],
    ['static-pods', seen({ step: 'tidy' }), true],
  ] as const)('%s is past', (step, state, past) => {
    expect(isPast(step, state, 'together')).toBe(past)
  })
})

test.each([
  ['preflight', seen({}), false],
  ['preflight', seen({ step: 'binaries' }), true],
  ['kubeadm', seen({ step: 'kubeadm', units: unit('kubeadm', 'running') }), false],
  ['kubeadm', seen({ step: 'kubelet' }), true],
  ['static-pods', seen({ step: 'kubeadm', work: new Set(['kubeadm.done']) }), false],
  ['static-pods', seen({ step: 'kubelet' }), true],
  ['verify', seen({ step: 'verify', units: unit('kubelet', 'exited') }), false],
  ['tidy', seen({ step: 'tidy' }), false],
  ['tidy', seen({ state: 'done' }), true],
] as const)('%s is past', (step, state, past) => {
  expect(isPast(step, state, 'one-by-one')).toBe(past)
})

test('what was hit is one line', () => {
  const state = seen({ step: 'images', units: unit('images', 'running'), work: new Set(['bin', 'key', 'images.tar']) })
  expect(describeProgress(state)).toBe('record open at images, unit images running, staged bin images.tar')
})
