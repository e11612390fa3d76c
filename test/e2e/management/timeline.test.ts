import { expect, test } from 'vitest'
import type { CapiMachine } from '../../../e2e/management/machines.ts'
import { recordTimeline, type TimelineEntry } from '../../../e2e/management/timeline.ts'

const updating = (status: string, message = '') => ({ type: 'Updating', status, reason: 'InPlaceUpdating', message })

function machine(name: string, conditions: object[], version = 'v1.34.4'): CapiMachine {
  return {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Machine',
    metadata: { name },
    spec: { clusterName: 'c', version, bootstrap: { configRef: { name } } },
    status: { phase: 'Running', conditions },
  } as CapiMachine
}

function recorded() {
  let now = 0
  const reported: TimelineEntry[] = []
  const timeline = recordTimeline(
    () => ++now,
    (entry) => reported.push(entry),
  )
  return { timeline, reported, add: (object: CapiMachine, type = 'MODIFIED') => timeline.add({ type, object }) }
}

test('a change of a condition is one entry, and an event without a change is none', () => {
  const { timeline, reported, add } = recorded()
  add(machine('a', [updating('True', 'step 1')]), 'ADDED')
  add(machine('a', [updating('True', 'step 1')]))
  add(machine('a', [updating('True', 'step 2')]))
  add(machine('a', [updating('True', 'step 1')]))
  expect(timeline.entries.map(({ condition, message }) => [condition, message])).toEqual([
    ['phase', 'Running v1.34.4'],
    ['Updating', 'True InPlaceUpdating step 1'],
    ['Updating', 'True InPlaceUpdating step 2'],
    ['Updating', 'True InPlaceUpdating step 1'],
  ])
  expect(timeline.entries.map(({ at }) => at)).toEqual([1, 2, 3, 4])
  expect(reported).toEqual(timeline.entries)
})

test('machines with the same condition have an entry each', () => {
  const { timeline, add } = recorded()
  for (const name of ['a', 'b']) add(machine(name, [updating('True')]))
  expect(timeline.entries.filter(({ condition }) => condition === 'Updating').map(({ machine }) => machine)).toEqual([
    'a',
    'b',
  ])
})

test('a message is one line, and the summary in Ready is left out', () => {
  const { timeline, add } = recorded()
  add(
    machine('a', [
      { ...updating('False', 'one\ntwo') },
      { type: 'Ready', status: 'False', reason: 'NotReady', message: 'one' },
    ]),
  )
  expect(timeline.entries.slice(1).map(({ message }) => message)).toEqual([
    'False InPlaceUpdating one two',
    'False NotReady',
  ])
})

test('conditions that are not shown add nothing', () => {
  const { timeline, add } = recorded()
  add(machine('a', [{ type: 'Paused', status: 'False' }]))
  expect(timeline.entries).toHaveLength(1)
})

test('a new version and a deletion are phases', () => {
  const { timeline, add } = recorded()
  add(machine('a', []))
  add(machine('a', [], 'v1.35.4'))
  add(machine('a', [], 'v1.35.4'), 'DELETED')
  expect(timeline.entries.map(({ message }) => message)).toEqual(['Running v1.34.4', 'Running v1.35.4', 'gone'])
})

test('notes of the scenario stand between the entries of machines', () => {
  const { timeline, add } = recorded()
  add(machine('a', []))
  timeline.note('workers to v1.35.4')
  expect(timeline.entries.at(-1)).toEqual({
    at: 2,
    machine: '',
    condition: 'scenario',
    message: 'workers to v1.35.4',
  })
})
