import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { commandsOf } from '../../src/kubernetes/commands.ts'
import { filesOf } from '../../src/kubernetes/desired-files.ts'
import { question } from '../decide/questions.ts'

const path = '/etc/keepalived/keepalived.conf'
const file = { path, content: 'interface __IFACE__' }
const other = { path: '/opt/other', content: 'other' }

// What becomes of a change of the file next to a file that no command mentions.
function decisionWith(list: string, commands: unknown) {
  const spec = (content: string) => ({
    files: [
      { ...file, content },
      { ...other, content },
    ],
    [list]: commands,
  })
  return decide(question({ versions: ['v1.35.4', 'v1.35.4'], bootstrap: [spec('one'), spec('two')] }))
}

function mentions(command: string, at = path): boolean {
  return commandsOf({ preKubeadmCommands: [command] }).listThatMentions(at) !== undefined
}

describe.each(['bootCommands', 'preKubeadmCommands', 'postKubeadmCommands'])('a file that %s mentions', (list) => {
  const commands = ['true', `sed -i s/__IFACE__/eth0/ ${path}`]

  test('is declined when it changes, with the name of the list and without the command', () => {
    const { accepted, declined } = decisionWith(list, commands)
    expect(accepted).toEqual(['bootstrapConfig files.1'])
    expect(declined.map(({ message }) => message)).toEqual([
      `bootstrapConfig files.0 is not written in place: a command in ${list} mentions its path, or a directory above it. (FILE_NOT_COVERED)`,
    ])
  })

  test('is never written, and the others are', () => {
    const { wanted } = filesOf({ files: [file, other], [list]: commands })
    expect(wanted.map((one) => one.path)).toEqual(['/opt/other'])
  })
})

test('a new version is accepted where a file that a command mentions stays the same', () => {
  const spec = { files: [file], preKubeadmCommands: [`sed -i s/a/b/ ${path}`] }
  expect(decide(question({ bootstrap: [spec, structuredClone(spec)] })).declined).toEqual([])
})

test.each([
  path,
  `envsubst <${path} >/run/k; mv /run/k ${path}`,
  `sed -i s/a/b/ "${path}"`,
  `sed -i s/a/b/ '${path}';true`,
  `cp --target=${path} /run/x`,
  `mount -o bind,src=/run/x,dst=${path}`,
  `cat /host${path}.template`,
  `echo ${path}.bak`,
  'chown -R daemon /etc/keepalived',
  'chown -R daemon /etc/keepalived/',
  'cd /etc/keepalived && sed -i s/a/b/ *.conf',
  'PATHS=/opt:/etc/keepalived:/usr fix',
  'sed -i s/a/b/ /etc/keepalived/*.conf',
  'sed -i s/a/b/ /etc/keepalived/k?epalived.conf',
  'sed -i s/a/b/ /etc/keepalived/{keepalived,other}.conf',
  'sed -i s/a/b/ /etc/keep*/keepalived.conf',
  'for f in keepalived; do sed -i s/a/b/ /etc/$f/$f.conf; done',
  'sed -i s/a/b/ /etc//keepalived//keepalived.conf',
  'find /etc -name "*.conf" -exec sed -i s/a/b/ {} +',
  'sed -i s/a/b/ $DIR/keepalived.conf',
  `sed -i s/a/b/ $\{DIR}/keepalived.conf`,
  'sed -i s/a/b/ "$DIR"/keepalived.conf',
  'sed -i s/a/b/ $(pwd)/keepalived.conf',
  'cd /; sed -i s/a/b/ etc/keepalived/keepalived.conf',
  `#!/bin/sh\nset -e\nsed -i s/a/b/ ${path}\n`,
  `/${'a'.repeat(4096)}`,
  '/a'.repeat(65),
])('the command %j mentions the file', (command) => {
  expect(mentions(command)).toBe(true)
})

test.each([
  '',
  'true',
  'systemctl restart keepalived',
  'sed -i s/a/b/ /etc/keepalived.conf',
  'sed -i s/a/b/ /etc/keepalived2/keepalived.conf2',
  'sed -i s/a/b/ /etc/keepalived/other.conf',
  'sed -i s/a/b/ /etc/keepalived/keepalived.con',
  '/usr/sbin/keepalived.conf',
  'find / -name x',
  'curl https://example.com/keepalived',
  'echo "a / b"',
])('the command %j does not', (command) => {
  expect(mentions(command)).toBe(false)
})

test.each([
  ['a command that is no string', [['sed', path]]],
  ['a list that is a string', `sed ${path}`],
  ['a list that is an object', { a: 'x' }],
  ['a command that is an object', [{ a: 'x' }]],
  ['a command that is a number', [7]],
])('%s counts, too', (_, preKubeadmCommands) => {
  expect(commandsOf({ preKubeadmCommands }).listThatMentions(path)).toBe('preKubeadmCommands')
})

test.each([
  undefined,
  null,
  {},
  'x',
  { preKubeadmCommands: null },
  { commands: [path], [`${path}Commands`]: [path] },
])('there are no commands in %j', (spec) => {
  expect(commandsOf(spec).listThatMentions(path)).toBeUndefined()
})

describe('for any commands', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', ':', '=', 'é'), minLength: 1, maxLength: 3 })
  const plain = word.map((text) => text.replaceAll('é', 'c').replace(/^\.+$/, 'd'))
  const paths = fc.array(plain, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`)
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', ' ', '$', '"', '\n', '=', ':'), maxLength: 8 })

  test('a path that occurs in one of them is mentioned, whatever stands around it', () => {
    fc.assert(
      fc.property(text, paths, text, (before, at, after) => {
        expect(mentions(`${before}${at}${after}`, at)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('a file below a path that stands alone in one of them is mentioned', () => {
    fc.assert(
      fc.property(paths, paths, (at, below) => {
        expect(mentions(`chmod -R 600 ${at}; true`, `${at}${below}`)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})
