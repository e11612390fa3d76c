import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { filesOf } from '../../src/kubernetes/desired-files.ts'
import { closedPlaces, knownDirectories } from '../../src/kubernetes/file-places.ts'
import { question } from './questions.ts'

// Whatever CanUpdate accepts UpdateMachine has to be able to write: a machine that was accepted is not replaced any more.
const a = { path: '/etc/a', content: 'a' }

function declinedIndexes(...files: object[]): string[] {
  const { declined } = decide(question({ versions: ['v1.35.4', 'v1.35.4'], bootstrap: [{}, { files }] }))
  return declined.map(({ values }) => values.path?.replace('bootstrapConfig files.', '') ?? '')
}

function isWritten(path: string): boolean {
  const written = filesOf({ files: [{ ...a, path }] }).wanted.length === 1
  expect(declinedIndexes({ ...a, path })).toEqual(written ? [] : ['0'])
  return written
}

test.each([
  [232, true],
  [233, false],
  [255, false],
  [256, false],
])('a name of %i bytes: the name while it is written is longer by 23', (length, expected) => {
  expect(isWritten(`/etc/${'a'.repeat(length)}`)).toBe(expected)
  expect(isWritten(`/etc/${'a'.repeat(length)}/a`)).toBe(length < 256)
})

test('a path is so short that its copy among our own files can have a path, too', () => {
  expect(isWritten('/a'.repeat(2000))).toBe(true)
  expect(isWritten('/a'.repeat(2020))).toBe(false)
  expect(isWritten('/a'.repeat(2048))).toBe(false)
  expect(isWritten('/a'.repeat(1_000_000))).toBe(false)
})

describe('a place that is a directory on every machine', () => {
  test.each(['/etc', '/etc/kubernetes', '/usr', '/usr/bin', '/var', '/var/lib', ...knownDirectories])('%s', (path) => {
    expect(isWritten(path)).toBe(false)
    expect(isWritten(`${path}/lab-file`)).toBe(true)
  })

  test('every parent of a closed place', () => {
    for (const place of closedPlaces) {
      const names = place.split('/').slice(1, -1)
      for (let i = 1; i <= names.length; i += 1) expect(isWritten(`/${names.slice(0, i).join('/')}`)).toBe(false)
    }
  })

  test("a parent of the directory of kubeadm's patches", () => {
    const spec = { joinConfiguration: { patches: { directory: '/opt/kubeadm/patches' } } }
    expect(filesOf({ ...spec, files: [{ ...a, path: '/opt/kubeadm' }] }).wanted).toEqual([])
    expect(filesOf({ files: [{ ...a, path: '/opt/kubeadm' }] }).wanted).toHaveLength(1)
  })
})

describe('an entry above another', () => {
  test('is not written, nor is the other, in any order', () => {
    const [above, below, other] = ['/opt/a', '/opt/a/b/c', '/opt/ab'].map((path) => ({ ...a, path }))
    for (const files of [
      [above, below, other],
      [below, other, above],
    ] as object[][]) {
      expect(filesOf({ files }).wanted.map(({ path }) => path)).toEqual(['/opt/ab'])
      expect(declinedIndexes(...files)).toHaveLength(2)
    }
  })

  test('counts also when it is never written itself', () => {
    expect(
      filesOf({
        files: [
          { path: '/opt/a', content: 'a', append: true },
          { ...a, path: '/opt/a/b' },
        ],
      }).wanted,
    ).toEqual([])
  })

  test('for any paths: no path that is written is above another entry', () => {
    const name = fc.constantFrom('a', 'b', 'ab', 'a-', 'a.b')
    const paths = fc.array(
      fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/opt/${names.join('/')}`),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(paths, (list) => {
        const written = filesOf({ files: list.map((path) => ({ ...a, path })) }).wanted.map(({ path }) => path)
        const isFree = (path: string, i: number) =>
          list.every(
            (other, j) => i === j || (!`${other}/`.startsWith(`${path}/`) && !`${path}/`.startsWith(`${other}/`)),
          )
        expect(written).toEqual(list.filter(isFree))
      }),
      { numRuns: 2000 },
    )
  })
})

test.each([
  ['4294967294', true],
  ['4294967295', false],
  ['99999999999999', false],
  ['root:99999999999', false],
  ['a'.repeat(32), true],
  ['a'.repeat(33), false],
  ['root:root:root', false],
])('the owner %s: %j', (owner, expected) => {
  expect(filesOf({ files: [{ ...a, owner }] }).wanted.length === 1).toBe(expected)
  expect(declinedIndexes({ ...a, owner })).toEqual(expected ? [] : ['0'])
})
