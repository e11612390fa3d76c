import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documented } from '../../../e2e/witness/file-changes.ts'

// Rows of the page's table: path, control plane, worker.
const page = readFileSync(new URL('../../../docs/what-changes.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| `([^`]+)` \| (yes|no) \| (yes|no) \|/gm)]

test.each([
  ['control-plane', 2],
  ['worker', 3],
] as const)('docs/what-changes.md lists the paths that the demo allows on a %s', (role, column) => {
  const listed = rows.filter((row) => row[column] === 'yes').map(([, path]) => path)
  expect(listed.sort()).toEqual([...documented[role]].sort())
})
