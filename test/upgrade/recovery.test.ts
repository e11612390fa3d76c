import { expect, test } from 'vitest'
import { boundaries } from './model/boundaries.ts'
import { faultNames, isPossible, recoverFrom, stepsOf } from './model/recovery.ts'
import type { Kind } from './model/world.ts'

const kinds: Kind[] = [
  { role: 'control-plane', images: 'node-image' },
  { role: 'control-plane', images: 'pull' },
  { role: 'control-plane', images: 'node-image', exchange: 'together' },
  { role: 'worker', images: 'node-image' },
  { role: 'worker', images: 'pull' },
]

interface Row {
  role: Kind['role']
  images: Kind['images']
  exchange?: Kind['exchange']
  step: string
  boundary: string
  fault: string
  seconds: number
  failures: string[]
}

test('a fault of any kind at any boundary of any step costs nothing but time', { timeout: 600_000 }, async () => {
  const rows: Row[] = []
  const wrong: string[] = []
  for (const kind of kinds) {
    for (const [step, boundary, fault] of combinationsOf(kind)) {
      const { seconds, failures, wrong: found } = await recoverFrom(kind, step, boundary, fault)
      rows.push({ ...kind, step, boundary, fault, seconds, failures })
      wrong.push(...found.map((what) => `${kind.role}, ${kind.images}, ${boundary} ${step}, ${fault}: ${what}`))
    }
  }
  expect(wrong).toEqual([])
  // "npx vitest run test/upgrade/recovery.test.ts -u" writes it again, and "node scripts/docs.ts" the page from it.
  const lines = rows.map((row) => JSON.stringify(row))
  await expect(`[\n${lines.join(',\n')}\n]\n`).toMatchFileSnapshot('../../docs/reference/recovery.simulated.gen.json')
})

test('nor does one where the programs come from the node image', { timeout: 120_000 }, async () => {
  const kind = { role: 'worker', images: 'node-image', binaries: 'node-image' } as const
  const wrong: string[] = []
  for (const [step, boundary, fault] of combinationsOf(kind, ['binaries-copy', 'binaries'])) {
    const { wrong: found } = await recoverFrom(kind, step, boundary, fault)
    wrong.push(...found.map((what) => `${boundary} ${step}, ${fault}: ${what}`))
  }
  expect(wrong).toEqual([])
})

function combinationsOf(kind: Kind, steps = stepsOf(kind)) {
  return steps.flatMap((step) =>
    boundaries.flatMap((boundary) =>
      faultNames.filter((fault) => isPossible(step, boundary, fault)).map((fault) => [step, boundary, fault] as const),
    ),
  )
}
