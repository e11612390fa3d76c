import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { differences } from '../../src/decide/diff.ts'
import { filesOf } from '../../src/kubernetes/desired-files.ts'
import { question, type Sides } from './questions.ts'

const same: [string, string] = ['v1.35.4', 'v1.35.4']

function codesOf(bootstrap: Sides) {
  return decide(question({ versions: same, bootstrap })).declined.map(({ code }) => code)
}

// An object of so many levels.
function nested(levels: number, leaf: unknown): unknown {
  let value = leaf
  for (let i = 0; i < levels; i += 1) value = { a: value }
  return value
}

function files(count: number, content = 'a') {
  return Array.from({ length: count }, (_, i) => ({ path: `/etc/lab/file-${i}`, content }))
}

// The sizes are such that work which grows with their square does not end within a test's time.
describe('a large request is decided once through', () => {
  test('newlines before the last character of a file', () => {
    const content = `${'\n'.repeat(2_000_000)}x`
    expect(filesOf({ files: [{ path: '/etc/a', content }] }).wanted[0]?.content.length).toBe(2_000_002)
    expect(codesOf([{}, { files: [{ path: '/etc/a', content }] }])).toEqual([])
  })

  test('newlines in base64, and characters that are none of it at the end', () => {
    const content = `${'YWFh\n'.repeat(400_000)}!`
    expect(filesOf({ files: [{ path: '/etc/a', content, encoding: 'base64' }] }).wanted).toEqual([])
  })

  test('commands with many paths, and paths of many commands', () => {
    const preKubeadmCommands = Array.from({ length: 100_000 }, (_, i) => `cat /opt/${i}/a/b/c >/var/${i}`)
    const spec = { files: files(200), preKubeadmCommands }
    expect(filesOf(spec).wanted).toHaveLength(200)
  })

  test('a command without a blank, of slashes alone, and of one path again and again', () => {
    for (const command of ['/a'.repeat(500_000), '/'.repeat(1_000_000), `${'/a'.repeat(60)} `.repeat(20_000)]) {
      expect(filesOf({ files: files(200), postKubeadmCommands: [command] }).wanted.length % 200).toBe(0)
    }
  })

  test('an equal list below many objects', () => {
    const list = Array.from({ length: 1_000_000 }, (_, i) => i)
    const side = (leaf: unknown) => nested(90, { list, leaf })
    expect(differences(side(1), side(2))).toMatchObject({ ok: true, value: [[...Array(90).fill('a'), 'leaf']] })
  })
})

describe('an object is not compared, and the machine is replaced', () => {
  const many = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`k${i}`, 1]))

  test.each<[string, Sides, string]>([
    ['that differs in too many places', [many, {}], 'it differs in too many places'],
    ['that is nested too deeply', [{ b: nested(3000, 1) }, {}], 'it is nested too deeply'],
    [
      'that is nested too deeply on both sides',
      [{ files: [nested(101, 1)] }, { files: [nested(101, 1)] }],
      'it is nested too deeply',
    ],
    ['with lists in lists', [{}, { files: [nested(101, [])] }], 'it is nested too deeply'],
  ])('%s', (_, bootstrap, why) => {
    const { declined, operations } = decide(question({ versions: same, bootstrap }))
    expect(declined).toMatchObject([{ code: 'OBJECT_NOT_COMPARED', values: { object: 'bootstrapConfig', why } }])
    expect(operations.bootstrapConfig).toEqual([])
  })

  test('and so is that of the infrastructure, or the Machine', () => {
    const docker = { backend: { docker: {} } }
    const deep = { a: nested(101, 1) }
    const infrastructure = decide(question({ infrastructure: [docker, { ...docker, ...deep }] }))
    const machine = decide(question({ machine: [{}, deep] }))
    expect([infrastructure, machine].map(({ declined }) => declined.map(({ values }) => values.object))).toEqual([
      ['infrastructure'],
      ['machine'],
    ])
    expect(machine.operations.machine).toEqual([])
  })

  test('but one of a hundred levels, and of a thousand differences, is', () => {
    const some = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 1]))
    expect(codesOf([nested(100, 1), {}])).toEqual(['CHANGE_NOT_COVERED'])
    expect(codesOf([some, {}])).toHaveLength(1000)
  })
})

describe('more files than a KubeadmConfig may have', () => {
  test('are not written, whatever changes', () => {
    expect(filesOf({ files: files(201) }).wanted).toEqual([])
    expect(codesOf([{ files: files(201) }, { files: files(201, 'b') }])).toEqual(['FILE_NOT_COVERED'])
    expect(codesOf([{ files: files(201) }, { files: files(200) }])).toEqual(['FILE_NOT_COVERED'])
    expect(codesOf([{}, { files: files(100_000) }])).toEqual(['FILE_NOT_COVERED'])
  })

  test('do not hinder a new version where they stay the same', () => {
    const bootstrap: Sides = [{ files: files(201) }, { files: files(201) }]
    expect(decide(question({ bootstrap }))).toMatchObject({ accepted: ['machine version'], declined: [] })
  })

  test('as many as it may have are written', () => {
    expect(filesOf({ files: files(200) }).wanted).toHaveLength(200)
    expect(codesOf([{ files: files(200) }, { files: files(200, 'b') }])).toEqual([])
  })
})
