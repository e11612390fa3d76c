import { expect, test } from 'vitest'
import { rows } from '../../e2e/management/misbehaviours.ts'
import { readFault } from '../../src/faults/requested.ts'
import { faults } from '../../src/faults/table.ts'

const nameOf = (fault: string) => fault.split(':')[0] ?? ''

test('the scenario fallback-target covers every misbehaviour', () => {
  const covered = new Set([...rows.map(({ fault }) => nameOf(fault)), 'done-too-early', 'discovery-fails'])
  expect([...covered].sort()).toEqual(Object.keys(faults).sort())
})

test.each(rows)('it expects the documented effect of $fault: $leadsTo', ({ fault, leadsTo }) => {
  expect(() => readFault('fault', fault, true)).not.toThrow()
  expect(faults[nameOf(fault)]?.leadsTo).toContain(leadsTo)
})
