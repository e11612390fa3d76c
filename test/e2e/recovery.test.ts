import { describe, expect, test } from 'vitest'
import { allSteps, batchesOf, defaultTurns, rowOf, shortTurns, workersPerBatch } from '../../e2e/recovery/rows.ts'
import { described, isAtBoundary, isPast, type Seen } from '../../e2e/recovery/watch.ts'

const seen = (parts: Partial<Seen>): Seen => ({
  step: '',
  state: 'open',
  units: new Map(),
  work: new Set(),
  copies: 0,
  ...parts,
})
const unit = (step: string, sub: string) => new Map([[step, sub]])

describe('the rows that are usually played', () => {
  const rows = defaultTurns().flat()

  test('every kind of fault twice, every step once, 16 rows on workers and 8 on control planes', () => {
    const faults = Map.groupBy(rows, ({ fault }) => fault)
    expect(faults.size).toBe(7)
    for (const [, of] of faults) expect(of.length).toBeGreaterThanOrEqual(2)
    expect(new Set(rows.map(({ step }) => step))).toEqual(new Set(allSteps))
    expect(rows.filter(({ role }) => role === 'worker').length).toBeGreaterThanOrEqual(16)
    expect(rows.filter(({ role }) => role === 'control-plane').length).toBeGreaterThanOrEqual(8)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  })

  test('rows that share a machine come in the order of its steps', () => {
    for (const turn of [...defaultTurns(), ...shortTurns()]) {
      const places = turn.map(({ step }) => allSteps.indexOf(step))
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
])('there is no row %s', (id) => {
  expect(() => rowOf(id)).toThrow(`There is no row "${id}"`)
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
    expect(isAtBoundary(step, boundary, state)).toBe(true)
  })

  test.each([
    ['binaries', 'during', seen({ step: 'binaries', units: unit('binaries', 'exited') })],
    ['image-list', 'before', seen({ step: 'image-list', work: new Set(['bin']) })],
    ['kubelet', 'before', seen({ step: 'kubelet', work: new Set(['kubeadm.done']) })],
    ['preflight', 'during', seen({ step: 'binaries' })],
    ['verify', 'during', seen({ step: 'kubelet', units: unit('kubelet', 'exited') })],
    ['tidy', 'before', seen({ state: 'done' })],
  ] as const)('%s %s is over', (step, boundary, state) => {
    expect(isAtBoundary(step, boundary, state)).toBe(false)
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
  expect(isPast(step, state)).toBe(past)
})

test('what was hit is one line', () => {
  const state = seen({ step: 'images', units: unit('images', 'running'), work: new Set(['bin', 'key', 'images.tar']) })
  expect(described(state)).toBe('record open at images, unit images running, staged bin images.tar')
})
