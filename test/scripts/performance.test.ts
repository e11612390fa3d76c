import { expect, test } from 'vitest'
import { brokenIn, busyFiguresOf, figuresOf } from '../../scripts/docs/performance/figures.ts'
import { probed, type Run } from '../../scripts/docs/performance/results.ts'
import { describeSpread, spreadOf } from '../../scripts/docs/performance/statistics.ts'
import { timelineOf } from '../../scripts/docs/performance/timeline.ts'
import { pageOf } from '../../scripts/docs/performance.ts'

const common = { number: 1, busy: false, at: '', from: 'v1.34.4', to: 'v1.35.4', clusterApi: 'v1.14.2', cores: 2 }

function inPlace(changes: Partial<Run> = {}): Run {
  const machines = [
    { machine: 'cp-a', role: 'control-plane' as const, begin: 10, end: 40 },
    { machine: 'worker-a', role: 'worker' as const, begin: 50, end: 65 },
  ]
  const spans = [{ machine: 'cp-a', step: 'exchanging <the> static pods', begin: 12, end: 40 }]
  const answers = [
    silent(probed.balancer),
    { ...silent(`${probed.member} 1`), gaps: 1, seconds: 12, longest: 12, away: [[20, 32]] as [number, number][] },
    silent(probed.write),
    silent(`${probed.pod} 1`),
    silent(probed.service),
  ]
  return { ...common, way: 'in-place', machines, spans, answers, ...changes }
}

function silent(what: string) {
  return { what, asked: 100, gaps: 0, seconds: 0, longest: 0, gone: 0, away: [] as [number, number][] }
}

function rollout(controlPlane: number, worker: number): Run {
  const machines = [
    { machine: 'cp-b', role: 'control-plane' as const, begin: 0, end: controlPlane },
    { machine: 'worker-b', role: 'worker' as const, begin: 0, end: worker },
  ]
  return { ...common, way: 'rollout', machines }
}

test('a median of an even number of values is between the two in the middle', () => {
  expect(spreadOf([4, 1, 2, 10])).toEqual({ median: 3, least: 1, most: 10, count: 4 })
  expect(spreadOf([])).toBeUndefined()
  expect(describeSpread({ median: 3, least: 1, most: 10, count: 4 })).toBe('3.0 s (1.0 to 10.0, 4 values)')
})

test('each row says whether its must and its goal hold', () => {
  const figures = figuresOf([inPlace(), rollout(50, 18)])
  expect(figures.map(({ isMustKept, isGoalKept }) => [isMustKept, isGoalKept])).toEqual([
    [true, false],
    [true, false],
    [true, true],
    [true, true],
    [undefined, undefined],
    [false, false],
    [true, undefined],
  ])
  expect(brokenIn(figures)).toBe(1)
})

test('what has gone for good is a gap, and so is a restarted pod', () => {
  const answers = [
    { ...silent(probed.balancer), gone: 3, away: [[60, 63]] as [number, number][] },
    silent(probed.service),
  ]
  const busy = busyFiguresOf([inPlace({ busy: true, answers, restarted: ['serving-x'] })])
  expect(busy.map(({ isMustKept }) => isMustKept)).toEqual([false, undefined, false])
  expect(busy[0]?.measured).toContain('1 gap, 3.0 s in all')
  expect(busy[2]?.measured).toContain('restarted: serving-x')
})

test('the page shows a must that does not hold', () => {
  const page = pageOf({ runs: [inPlace(), rollout(30, 15)] })
  expect(page).toContain('≤ 0.75: **does not hold**')
  expect(page).toContain('single member, first call to Ready at the target | not measured')
})

test('a page of nothing makes no claims', () => {
  expect(pageOf({ runs: [] })).not.toMatch(/holds|no gap/)
})

test('the picture has every step and gap where it was, and needs no script', () => {
  const svg = timelineOf(inPlace())
  expect(svg).toContain('exchanging &lt;the&gt; static pods, 28.0 s')
  expect(svg).toContain('API, control plane machine 1: away, 12.0 s')
  expect(svg).toContain(`${probed.write}: no gap`)
  expect(svg).toContain('prefers-color-scheme: dark')
  expect(svg).not.toMatch(/<script|NaN|undefined|Infinity/)
})
