import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { filesOf } from '../../src/kubernetes/desired-files.ts'
import { closedPlaces } from '../../src/kubernetes/file-places.ts'
import { stateDirectory } from '../../src/machine/machine.ts'
import { question } from './questions.ts'

type Spec = Record<string, unknown>

const a = { path: '/etc/a', content: 'a' }
const b = { path: '/etc/b', content: 'b', permissions: '0600', owner: 'root:root' }
const c = { path: '/etc/c', content: 'c' }
const changed = { ...b, content: 'b2' }

// What becomes of a change of files, at an unchanged version.
function answer(current: unknown, desired: unknown, more: { role?: 'worker'; spec?: Spec; was?: Spec } = {}) {
  const spec = (files: unknown, given: Spec = {}) => ({ ...given, ...(files === undefined ? {} : { files }) })
  const bootstrap: [Spec, Spec] = [spec(current, more.was ?? more.spec), spec(desired, more.spec)]
  const { role } = more
  const asked = question({ versions: ['v1.35.4', 'v1.35.4'], bootstrap, ...(role ? { role } : {}) })
  const { accepted, declined, operations } = decide(asked)
  return {
    accepted: accepted.map((name) => name.replace('bootstrapConfig ', '')),
    declined: declined.map(({ values }) => values.path?.replace('bootstrapConfig ', '')),
    operations: operations.bootstrapConfig,
    why: declined.map(({ message }) => message).join(),
  }
}

const at = (index: number | string) => `/spec/files/${index}`

describe.each([undefined, 'worker'] as const)('on a machine of role %s', (role) => {
  const asked = role ? { role } : {}

  test.each<[string, unknown, unknown, object[]]>([
    ['added where there were none', undefined, [a, b], [{ op: 'add', path: '/spec/files', value: [a, b] }]],
    ['added where there was null', null, [a], [{ op: 'replace', path: '/spec/files', value: [a] }]],
    ['added where there was an empty list', [], [a], [{ op: 'add', path: at(0), value: a }]],
    ['added at the end', [a], [a, b], [{ op: 'add', path: at(1), value: b }]],
    ['added in front', [b], [a, b], [{ op: 'add', path: at(0), value: a }]],
    ['added between', [a, c], [a, b, c], [{ op: 'add', path: at(1), value: b }]],
    ['changed in content', [a, b], [a, changed], [{ op: 'replace', path: at(1), value: changed }]],
    ['changed in mode', [b], [{ ...b, permissions: '0644' }], [{ op: 'replace', path: at(0) }]],
    ['changed in owner', [b], [{ ...b, owner: 'daemon' }], [{ op: 'replace', path: at(0) }]],
    ['changed in encoding', [b], [{ ...b, content: 'YQ==', encoding: 'base64' }], [{ op: 'replace', path: at(0) }]],
    ['left without owner and mode', [b], [{ path: b.path, content: 'b' }], [{ op: 'replace', path: at(0) }]],
    [
      'added and changed',
      [b],
      [a, changed],
      [
        { op: 'add', path: at(0) },
        { op: 'replace', path: at(1) },
      ],
    ],
  ])('a file that is %s is written', (_, current, desired, operations) => {
    const { declined, operations: made } = answer(current, desired, asked)
    expect(declined).toEqual([])
    expect(made).toMatchObject(operations)
  })
})

test.each<[string, unknown, unknown, string[]]>([
  ['a file is removed', [a, b], [a], ['files.1']],
  ['all files are removed', [a], [], ['files.0']],
  ['the list is removed', [a], undefined, ['files']],
  ['the list becomes null', [a], null, ['files']],
  ['an empty list comes', undefined, [], ['files']],
  ['an empty list goes', [], undefined, ['files']],
  ['a file moves', [a, b], [b, a], ['files']],
  ['a file gets another path', [a], [{ ...a, path: '/etc/z' }], ['files.0']],
])('nothing is written when %s', (what, current, desired, declined) => {
  const given = answer(current, desired)
  expect(given.declined).toEqual(declined)
  if (what === 'a file gets another path') expect(given.accepted).toEqual(['files.0'])
  else expect(given.operations).toEqual([])
})

describe('an entry is left uncovered, and the one next to it is not', () => {
  const long = 'x'.repeat(40)
  test.each<[string, unknown]>([
    ['appends', { ...a, append: true }],
    ['comes from a Secret', { path: '/etc/a', contentFrom: { secret: { name: 'a', key: 'a' } } }],
    ['has both contents', { ...a, contentFrom: {} }],
    ['is a template', { ...a, contentFormat: 'Template' }],
    ['has a field that is not known', { ...a, overwrite: true }],
    ['has no content', { path: '/etc/a' }],
    ['has no path', { content: 'a' }],
    ['is no object', 'a'],
    ['is null', null],
    ['is a list', [a]],
    ['has a relative path', { ...a, path: 'etc/a' }],
    ['has a path with a turn', { ...a, path: '/etc/../etc/a' }],
    ['has a path with a dot', { ...a, path: '/etc/./a' }],
    ['has a path with two slashes', { ...a, path: '/etc//a' }],
    ['has a path that ends in a slash', { ...a, path: '/etc/a/' }],
    ['has a path with a space', { ...a, path: '/etc/a b' }],
    ['has a path with a shell character', { ...a, path: '/etc/$(reboot)' }],
    ['has a path with a newline', { ...a, path: '/etc/a\n' }],
    ['is the root', { ...a, path: '/' }],
    ['has a symbolic mode', { ...a, permissions: 'u+x' }],
    ['has a mode of five digits', { ...a, permissions: '00644' }],
    ['has a mode that is not octal', { ...a, permissions: '0888' }],
    ['has a mode that is a number', { ...a, permissions: 644 }],
    ['has an empty mode', { ...a, permissions: '' }],
    ['has an owner without a user', { ...a, owner: ':root' }],
    ['has an owner without a group', { ...a, owner: 'root:' }],
    ['has an owner that is an option', { ...a, owner: '--reference=/etc/shadow' }],
    ['has an owner with a space', { ...a, owner: 'root root' }],
    ['has an owner with a dot', { ...a, owner: 'root.root' }],
    ['is gzip', { ...a, encoding: 'gzip' }],
    ['is gzip+base64', { ...a, content: 'YQ==', encoding: 'gzip+base64' }],
    ['is of an unknown encoding', { ...a, encoding: 'rot13' }],
    ['is no base64', { ...a, content: 'a%==', encoding: 'base64' }],
    ['is base64 that is cut off', { ...a, content: 'YWI', encoding: 'base64' }],
    ['is base64 of nothing', { ...a, content: '\n', encoding: 'base64' }],
    ['is base64 for URLs', { ...a, content: 'a_-=', encoding: 'base64' }],
    ['begins with a space', { ...a, content: ' a' }],
    ['begins with a tab', { ...a, content: '\n\ta' }],
    ['has nothing but newlines', { ...a, content: '\n\n' }],
    ['has a carriage return', { ...a, content: 'a\r\n' }],
    ['has a control character', { ...a, content: `${long}\u0001` }],
    ['has a line separator', { ...a, content: 'a\u2028' }],
    ['has half a character', { ...a, content: 'a\ud800' }],
  ])('when it %s', (_, entry) => {
    const { accepted, declined, operations } = answer([b], [b, entry, c])
    expect(declined).toEqual(['files.1'])
    expect(accepted).toEqual(['files.2'])
    expect(operations).toEqual([{ op: 'add', path: at(1), value: c }])
    expect(filesOf({ files: [entry] }).wanted).toEqual([])
  })

  test.each<[string, Spec, Spec]>([
    ['append', { ...a, append: true }, { ...a, content: 'z' }],
    ['append', a, { ...a, content: 'z', append: false }],
    ['contentFormat', a, { ...a, content: 'z', contentFormat: 'Raw' }],
    ['the source of its content', { path: '/etc/a', contentFrom: { secret: {} } }, a],
  ])('when also %s changes', (_, current, desired) => {
    const { accepted, declined } = answer([current], [desired, c])
    expect({ accepted, declined }).toEqual({ accepted: ['files.1'], declined: ['files.0'] })
  })

  test('when another has its path, before or after', () => {
    const other = { ...a, content: 'other' }
    expect(answer([b], [a, b, other, c])).toMatchObject({ accepted: ['files.3'], declined: ['files.0', 'files.2'] })
    expect(answer([a, other], [a, changed])).toMatchObject({ accepted: ['files.1'], declined: ['files.1'] })
    expect(answer([a, other], [a, { ...a, content: 'z' }, c])).toMatchObject({
      accepted: ['files.2'],
      declined: ['files.1'],
    })
    expect(filesOf({ files: [a, other, c] }).wanted.map(({ path }) => path)).toEqual(['/etc/c'])
  })
})

test('two entries of one path that stay as they are do not hinder a third', () => {
  const twice = [a, { ...a, append: true }]
  expect(answer([...twice, b], [...twice, changed])).toMatchObject({ accepted: ['files.2'], declined: [] })
})

describe('a place is closed', () => {
  const files = (path: string) => [{ ...a, path }]
  test.each([...closedPlaces])('%s, and below it', (place) => {
    for (const path of [place, `${place}/deep/a`]) {
      expect(answer([], files(path)), path).toMatchObject({ accepted: [], declined: ['files.0'] })
      expect(filesOf({ files: files(path) }).wanted).toEqual([])
    }
    expect(answer([], files(`${place}x`)).declined).toEqual([])
  })

  test('where this service keeps what it remembers', () => {
    expect(closedPlaces).toContain(stateDirectory)
  })

  test.each([
    '/etc/kubernetes/patches',
    '/etc/kubernetes/patches/',
    '/etc//kubernetes/./patches',
    'etc/kubernetes/patches',
  ])("where kubeadm's patches are: %s", (directory) => {
    const path = '/etc/kubernetes/patches/kubeletconfiguration.yaml'
    for (const key of ['initConfiguration', 'joinConfiguration']) {
      const spec = { [key]: { patches: { directory } } }
      const { accepted, declined } = answer([], files(path), { spec })
      expect({ accepted, count: declined.length }).toEqual({ accepted: [], count: 1 })
      expect(answer([], files(path), { was: spec, spec: {} }).accepted).toEqual([])
      expect(filesOf({ ...spec, files: files(path) }).wanted).toEqual([])
    }
    expect(answer([], files(path)).declined).toEqual([])
  })

  test('everything is, where patches are in the root', () => {
    const spec = { joinConfiguration: { patches: { directory: '/' } } }
    expect(answer([], files('/etc/a'), { spec }).accepted).toEqual([])
    expect(filesOf({ ...spec, files: files('/etc/a') }).wanted).toEqual([])
  })
})

test.each(['ignition', '', 'x'])('of a KubeadmConfig of format %j nothing is written', (format) => {
  expect(answer([a], [{ ...a, content: 'z' }], { spec: { format } })).toMatchObject({
    accepted: [],
    declined: ['files'],
  })
  expect(filesOf({ format, files: [a] }).wanted).toEqual([])
})

test('the format cloud-config is the usual one', () => {
  expect(answer([], [a], { spec: { format: 'cloud-config' } }).declined).toEqual([])
  expect(filesOf({ format: 'cloud-config', files: [a] }).wanted).toHaveLength(1)
})

// As Cluster API's own templates and YAML package make them of a KubeadmConfig (v1.14.2).
test.each([
  ['hello', 'hello\n'],
  ['hello\n', 'hello\n'],
  ['hello\n\n\n', 'hello\n'],
  ['\nhello', '\nhello\n'],
  ['a \n b ', 'a \n b \n'],
  ['a\n   \n  ', 'a\n   \n  \n'],
  ['a\n\tb', 'a\n\tb\n'],
  ['---\na: b # {{ c }}', '---\na: b # {{ c }}\n'],
  ['é😀\u00a0', 'é😀\u00a0\n'],
])('the content %j becomes %j, as on a new machine', (content, text) => {
  expect(filesOf({ files: [{ ...a, content }] }).wanted[0]?.content.toString()).toBe(text)
})

test.each([
  ['aGVsbG8=', 'hello'],
  ['aGVs\nbG8=\n', 'hello'],
  ['AP8=', '\u0000\u00ff'],
])('the base64 content %j becomes %j', (content, text) => {
  const { wanted } = filesOf({ files: [{ ...a, content, encoding: 'base64' }] })
  expect(wanted[0]?.content.toString('latin1')).toBe(text)
})

test.each([
  [{}, { mode: '0644', user: 'root', group: 'root' }],
  [{ permissions: '755' }, { mode: '0755' }],
  [{ permissions: '4755' }, { mode: '4755' }],
  [{ owner: 'daemon' }, { user: 'daemon', group: 'root' }],
  [{ owner: 'daemon:Debian-x_1' }, { user: 'daemon', group: 'Debian-x_1' }],
  [{ owner: '1000:2000' }, { user: '1000', group: '2000' }],
  [{ append: false, contentFormat: 'Raw' }, {}],
])('an entry with %j is a file with %j', (fields, file) => {
  expect(filesOf({ files: [{ ...a, ...fields }] }).wanted).toMatchObject([file])
})

test.each([undefined, null, {}, { files: null }, { files: {} }, { files: 'a' }])('there are no files in %j', (spec) => {
  expect(filesOf(spec).wanted).toEqual([])
})

test('why an entry is not written is said, and its content and path are not', () => {
  const secret = 'abcdef.0123456789abcdef'
  const { why } = answer([], [{ path: secret, content: secret, owner: secret, permissions: secret }])
  expect(why).toBe(
    'bootstrapConfig files.0 is not written in place: its path is not absolute, clean and in plain characters. (FILE_NOT_COVERED)',
  )
})

test.each([
  ['version', [], ['bootstrapConfig files']],
  ['files', ['bootstrapConfig files.0'], ['machine version']],
] as const)('with changes: %s accepted are %j and declined %j', (changes, accepted, declined) => {
  const given = decide(question({ changes, bootstrap: [{}, { files: [a] }] }))
  expect(given.accepted.filter((name) => name !== 'machine version')).toEqual(accepted)
  expect(given.declined.map(({ values }) => values.path)).toEqual(declined)
})
