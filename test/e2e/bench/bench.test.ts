import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openFinishedRuns } from '../../../e2e/bench/finished-runs.ts'
import { type Bench, type Measure, orchestrate } from '../../../e2e/bench/orchestrate.ts'
import { inPlaceTimes, replacementTimes, spansOf } from '../../../e2e/bench/times.ts'
import type { Way } from '../../../scripts/docs/performance/results.ts'

const setting = { from: 'v1.34.4', to: 'v1.35.4', clusterApi: 'v1.14.2', cores: 2 }
const bench: Bench = { ways: ['in-place', 'rollout'], runs: 2, busy: false, setting }

let home: string
let file: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bench-'))
  file = join(home, 'bench.json')
})
afterEach(() => rmSync(home, { recursive: true }))

function measuring(made: string[], fails = ''): Record<Way, Measure> {
  const measure =
    (way: Way): Measure =>
    async ({ number, busy }) => {
      const name = `${way} ${number}${busy ? ' busy' : ''}`
      made.push(name)
      if (name === fails) throw new Error('the upgrade failed')
      return { machines: [] }
    }
  const [inPlace, rollout] = [measure('in-place'), measure('rollout')]
  return { 'in-place': inPlace, rollout, kubeadm: inPlace, single: inPlace, hooks: inPlace }
}

test('the ways alternate; a run that fails is not kept, and the others are made', async () => {
  const made: string[] = []
  const failed = await orchestrate(bench, await openFinishedRuns(file), measuring(made, 'rollout 1'), () => {})
  expect(failed).toBe(1)
  expect(made).toEqual(['in-place 1', 'rollout 1', 'in-place 2', 'rollout 2'])
  const again: string[] = []
  expect(await orchestrate(bench, await openFinishedRuns(file), measuring(again), () => {})).toBe(0)
  expect(again).toEqual(['rollout 1'])
})

test('a run that is cut off loses nothing of the ones before it', async () => {
  const kept = await openFinishedRuns(file)
  const measures = measuring([], '')
  measures.rollout = () => {
    // As Ctrl-C does: nothing after it happens.
    expect(JSON.parse(readFileSync(file, 'utf8')).runs).toHaveLength(1)
    throw new Error('cut off')
  }
  await orchestrate({ ...bench, runs: 1 }, kept, measures, () => {})
  expect((await openFinishedRuns(file)).runs().map(({ way }) => way)).toEqual(['in-place'])
})

test('busy runs and other versions are runs of their own, and only what is meant is forgotten', async () => {
  const made: string[] = []
  await orchestrate({ ...bench, runs: 1 }, await openFinishedRuns(file), measuring(made), () => {})
  await orchestrate({ ...bench, runs: 1, busy: true }, await openFinishedRuns(file), measuring(made), () => {})
  const newer = { ...setting, to: 'v1.36.3' }
  await orchestrate({ ...bench, runs: 1, setting: newer }, await openFinishedRuns(file), measuring(made), () => {})
  expect(made).toHaveLength(6)
  const kept = await openFinishedRuns(file)
  await kept.remove(({ way, busy }) => way === 'rollout' && busy)
  expect((await openFinishedRuns(file)).runs()).toHaveLength(5)
})

test('a file with something else in it is refused', async () => {
  writeFileSync(file, '{"runs":')
  await expect(openFinishedRuns(file)).rejects.toThrow(file)
})

const roleOf = (name: string) => (name.startsWith('cp') ? 'control-plane' : 'worker')
const moment = (at: number, machine: string, condition: string, message: string) => ({
  at,
  machine,
  condition,
  message,
})

// As Cluster API v1.14.2 wrote them in a run.
test('an update in place lasts from its first sign until UpToDate, and its steps fill that time', () => {
  const updating = 'True InPlaceUpdating In-place update in progress'
  const moments = [
    moment(7.7, 'cp-1', 'UpToDate', 'True UpToDate'),
    moment(196.1, '', 'scenario', 'control plane to v1.35.4'),
    moment(196.5, 'cp-1', 'UpToDate', 'False NotUpToDate * Version v1.34.4, v1.35.4 required'),
    moment(197, 'cp-1', 'UpToDate', 'False Updating * In-place update in progress'),
    moment(201, 'cp-1', 'Updating', `${updating}: step 3 of 15, fetching kubeadm: waiting for the download`),
    moment(207, 'cp-1', 'Updating', `${updating}: step 7 of 15, bringing in images: waiting for the images`),
    moment(209, 'cp-1', 'Updating', `${updating}: step 7 of 15, bringing in images: waiting for the end of its unit`),
    moment(259, 'cp-1', 'Updating', 'False NotUpdating'),
    moment(259.4, 'cp-1', 'UpToDate', 'True UpToDate'),
  ]
  const times = inPlaceTimes(moments, roleOf)
  expect(times).toEqual([{ machine: 'cp-1', role: 'control-plane', begin: 197, end: 259.4 }])
  expect(spansOf(moments, times).map(({ step, begin, end }) => [step, begin, end])).toEqual([
    ['waiting for the first answer', 197, 201],
    ['fetching kubeadm', 201, 207],
    ['bringing in images', 207, 259.4],
  ])
})

test('a replacement lasts from the deletion of the old machine until the new one is Ready', () => {
  const moments = [
    moment(59, 'cp-old', 'Ready', 'True Ready'),
    moment(174, 'cp-old', 'Deleting', 'True DrainingNode Drain not completed yet'),
    moment(199, 'cp-old', 'phase', 'gone'),
    moment(199.3, 'cp-new', 'phase', 'v1.35.4'),
    moment(237, 'cp-new', 'Ready', 'False NotReady'),
    moment(247.8, 'cp-new', 'Ready', 'True Ready'),
    moment(250, 'worker-old', 'phase', 'Deleting v1.34.4'),
    moment(250.1, 'worker-new', 'phase', 'v1.35.4'),
    moment(275, 'worker-new', 'Ready', 'True Ready'),
  ]
  expect(replacementTimes(moments, roleOf)).toEqual([
    { machine: 'cp-new', role: 'control-plane', begin: 174, end: 247.8 },
    { machine: 'worker-new', role: 'worker', begin: 250, end: 275 },
  ])
})
