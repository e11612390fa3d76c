import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Field } from '../../src/decide/fields/field.ts'
import { claims, fieldTable } from '../../src/decide/fields/table.ts'

// Made by scripts/fields.ts from Cluster API's own Go types.
const list: { clusterApi: string; fields: Record<string, string[]> } = JSON.parse(
  readFileSync(new URL('../fixtures/fields.gen.json', import.meta.url), 'utf8'),
)
const objects = Object.keys(fieldTable) as (keyof typeof fieldTable)[]

// All paths that a table of fields has a word on.
function pathsOf(fields: readonly Field[]): string[] {
  return fields.flatMap(({ path, below = [] }) => [
    path,
    ...below.map((inner) => (inner.startsWith('[]') ? `${path}${inner}` : `${path}.${inner}`)),
  ])
}

// Fields with fields below them need no row of their own.
function parentsOf(paths: string[]): string[] {
  const cuts = (path: string) => [...path.matchAll(/\[\]\.|\./g)].map(({ index }) => path.slice(0, index))
  return paths.flatMap(cuts)
}

test('the list of fields is of the version of Cluster API that this repository is held against', () => {
  expect(list.clusterApi).toBe('v1.14.2')
  expect(Object.keys(list.fields)).toEqual(expect.arrayContaining(objects))
})

describe.each(objects)('%s', (object) => {
  const rows: readonly Field[] = fieldTable[object]
  const paths = pathsOf(rows)
  const known = list.fields[object] ?? []

  test('every field of the Go type has its place in the table', () => {
    const covered = new Set([...paths, ...parentsOf(paths)])
    expect(known.length).toBeGreaterThan(5)
    expect(known.filter((path) => !covered.has(path))).toEqual([])
  })

  test('every field of the table is one of the Go type, or a key of one of its maps', () => {
    const keys = known.filter((path) => path.endsWith('.*')).map((path) => path.slice(0, -1))
    const isKnown = (path: string) => known.includes(path) || keys.some((key) => path.startsWith(key))
    expect(paths.filter((path) => !isKnown(path))).toEqual([])
  })

  test('no field has two rows', () => {
    expect(paths.filter((path, i) => paths.indexOf(path) !== i)).toEqual([])
  })

  test('a claim stands in the row of its own field, for the same machines', () => {
    for (const { path, roles, claim } of rows.filter((row) => row.claim)) {
      expect(claim?.path.join('.')).toBe(path)
      if (roles) expect(claim?.roles).toEqual(roles)
    }
  })

  test('each row says in a sentence how its field is kept', () => {
    for (const { kept, path } of rows) expect(kept, path).toMatch(/^[A-Z][^|\n]{4,}[^.]$|^[a-z]+eadm .+[^.]$/)
  })
})

test('the claims are those of the table, each once', () => {
  expect(claims.map(({ path }) => path.join('.'))).toEqual([
    'version',
    'clusterConfiguration.etcd.local.extraArgs',
    'clusterConfiguration.etcd.local.extraEnvs',
    ...['apiServer', 'controllerManager', 'scheduler'].flatMap((name) =>
      ['extraArgs', 'extraVolumes', 'extraEnvs'].map((list) => `clusterConfiguration.${name}.${list}`),
    ),
    'clusterConfiguration.featureGates.ControlPlaneKubeletLocalMode',
    'files',
  ])
})
