import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import { filesOf } from '../../../src/kubernetes/desired-files.ts'
import { closedPlaces } from '../../../src/kubernetes/file-places.ts'
import { observe } from '../../../src/machine/observe.ts'
import type { Situation } from '../../../src/upgrade/step.ts'
import { files as step } from '../../../src/upgrade/steps/files.ts'
import { realMachine } from '../../machine/shell/real-machine.ts'
import { createRoot, type Root } from './rooted.ts'

const state = '/var/lib/capd-kubeadm-upgrader/files'
const { uid, gid } = userInfo()
// A file can be given to oneself without being root.
const owner = `${uid}:${gid}`
const isRoot = uid === 0
const conf = { path: '/etc/lab/one.conf', content: 'one', owner }

// What the step decides by on a machine whose KubeadmConfig has these files. The root itself is below /tmp.
async function situationOf(root: Root, entries: object[], closed = closedBelowRoot): Promise<Situation> {
  root.write('/proc/uptime', '100.00 0\n')
  root.write('/proc/sys/kernel/random/boot_id', 'boot\n')
  const observation = await observe(realMachine(root), { sections: ['work'] })
  return { observation, files: { wanted: filesOf({ files: entries }).wanted, closed } } as Situation
}

const closedBelowRoot = closedPlaces.filter((place) => /^\/(etc|usr|var)\//.test(place))

interface Ran {
  argv: string[]
  input: string
}

// Runs the script of the step, as a walk does, and throws the error that its output stands for.
async function act(root: Root, situation: Situation, ran: Ran[] = []): Promise<void> {
  const action = step.action?.(situation)
  if (action?.kind !== 'run') throw new Error('no script is run')
  const machine = root.machine((argv, input) => ran.push({ argv, input }))
  const error = action.read?.(await machine.run(action.script, action.args, { input: action.input ?? '' }))
  if (error) throw error
}

// Writes what is to be written, and gives what was run on the machine.
async function write(root: Root, ...entries: object[]) {
  const ran: Ran[] = []
  const situation = await situationOf(root, entries)
  const before = step.done(situation)
  if (before !== 'done') await act(root, situation, ran)
  expect(step.done(await situationOf(root, entries))).toBe('done')
  return { before, ran }
}

function modeOf(root: Root, path: string): string {
  return (statSync(root.path(path)).mode & 0o7777).toString(8)
}

function leftIn(root: Root, directory: string): string[] {
  return readdirSync(root.path(directory)).filter((name) => name.includes('capd-kubeadm-upgrader'))
}

describe.skipIf(process.platform !== 'linux')('files.sh', () => {
  test('writes a file with its parents, content and mode, and notes its digest and nothing else of it', async () => {
    const root = createRoot()
    const { before } = await write(root, { ...conf, permissions: '0640' })
    expect(before).toEqual({ waitsFor: '/etc/lab/one.conf' })
    expect(root.read(conf.path)).toBe('one\n')
    expect(modeOf(root, conf.path)).toBe('640')
    expect(modeOf(root, '/etc/lab')).toBe('755')
    expect(root.read(`${state}/applied${root.path(conf.path)}`)).toMatch(/^[0-9a-f]{64}\n$/)
    expect([modeOf(root, state), modeOf(root, `${state}/applied${root.path(conf.path)}`)]).toEqual(['700', '600'])
    expect(root.has(`${state}/replaced`)).toBe(false)
    expect(leftIn(root, '/etc/lab')).toEqual([])
  })

  test.each(['644', '0755', '4755', '0600'])('gives the mode %s, whatever the old file had', async (permissions) => {
    const root = createRoot()
    root.write(conf.path, 'old')
    chmodSync(root.path(conf.path), 0o666)
    await write(root, { ...conf, permissions })
    expect(modeOf(root, conf.path)).toBe(permissions.replace(/^0/, ''))
  })

  test.runIf(isRoot)('gives the owner, by name and by number', async () => {
    const root = createRoot()
    await write(root, { ...conf, owner: 'daemon:bin' }, { ...conf, path: '/etc/two', owner: '4711' })
    const [one, two] = [conf.path, '/etc/two'].map((path) => statSync(root.path(path)))
    expect([one?.uid, one?.gid, two?.uid, two?.gid]).toEqual([1, 2, 4711, 0])
  })

  test('writes bytes as they are, and texts that a shell would take for its own', async () => {
    const root = createRoot()
    const text = '$(reboot) `x` "\'\\n end-of-input\nend-of-input\n- %s\n'
    const bytes = Buffer.from([0, 255, 10, 13, 10])
    const big = Buffer.from('0123456789'.repeat(50_000)).toString('base64')
    await write(
      root,
      { ...conf, content: text },
      { ...conf, path: '/etc/bytes', content: bytes.toString('base64'), encoding: 'base64' },
      { ...conf, path: '/etc/big', content: big, encoding: 'base64' },
    )
    expect(root.read(conf.path)).toBe(text)
    expect(root.read('/etc/bytes')).toBe(bytes.toString())
    expect(root.read('/etc/big')).toHaveLength(500_000)
  })

  test('keeps what was there, for root alone, and only the last one', async () => {
    const root = createRoot()
    for (const content of ['first', 'second', 'third']) await write(root, { ...conf, content })
    const kept = `${state}/replaced${root.path(conf.path)}`
    expect([root.read(conf.path), root.read(kept)]).toEqual(['third\n', 'second\n'])
    expect([modeOf(root, kept), modeOf(root, `${state}/replaced`)]).toEqual(['600', '700'])
  })

  test('does not touch a file that is as it is to be, but notes that it saw it', async () => {
    const root = createRoot()
    root.write(conf.path, 'one\n')
    chmodSync(root.path(conf.path), 0o644)
    const { ino } = statSync(root.path(conf.path))
    await write(root, conf)
    expect(statSync(root.path(conf.path)).ino).toBe(ino)
    expect(root.has(`${state}/replaced`)).toBe(false)
    expect((await write(root, conf)).before).toBe('done')
  })

  test('leaves alone what was changed in the machine since, until the KubeadmConfig changes', async () => {
    const root = createRoot()
    await write(root, conf)
    writeFileSync(root.path(conf.path), 'by hand\n')
    expect((await write(root, conf)).before).toBe('done')
    expect(root.read(conf.path)).toBe('by hand\n')
    await write(root, { ...conf, permissions: '0600' })
    expect([root.read(conf.path), root.read(`${state}/replaced${root.path(conf.path)}`)]).toEqual([
      'one\n',
      'by hand\n',
    ])
  })

  test('goes back to what was there before when that is requested', async () => {
    const root = createRoot()
    for (const content of ['one', 'two', 'one']) await write(root, { ...conf, content })
    expect(root.read(conf.path)).toBe('one\n')
  })

  test('replaces a link at the path, and leaves what it led to', async () => {
    const root = createRoot()
    root.write('/etc/target', 'target\n')
    symlinkSync(root.path('/etc/target'), root.path('/etc/link'))
    symlinkSync(root.path('/etc/nowhere'), root.path('/etc/dangling'))
    await write(root, { ...conf, path: '/etc/link' }, { ...conf, path: '/etc/dangling' })
    expect([root.read('/etc/link'), root.read('/etc/dangling'), root.read('/etc/target')]).toEqual([
      'one\n',
      'one\n',
      'target\n',
    ])
    expect([root.has('/etc/nowhere'), root.read(`${state}/replaced${root.path('/etc/link')}`)]).toEqual([
      false,
      'target\n',
    ])
  })

  test('follows a linked directory to a place that is open', async () => {
    const root = createRoot()
    mkdirSync(root.path('/usr/lab'), { recursive: true })
    mkdirSync(root.path('/etc'))
    symlinkSync(root.path('/usr/lab'), root.path('/etc/lab'))
    await write(root, conf)
    expect(root.read('/usr/lab/one.conf')).toBe('one\n')
  })

  test('goes on where it was cut off: what half a run left is no hindrance', async () => {
    const root = createRoot()
    root.write('/etc/lab/.capd-kubeadm-upgrader.new', 'hal')
    root.write(`${state}/kept`, 'hal')
    root.write(`${state}/noted`, 'abc')
    await write(root, conf)
    expect(root.read(conf.path)).toBe('one\n')
    expect(leftIn(root, '/etc/lab')).toEqual([])
  })

  test('is quiet about what it writes: no content is in a command line or in the output', async () => {
    const secret = 'the-secret-content'
    const root = createRoot()
    root.write(conf.path, 'another-secret')
    const { ran } = await write(root, { ...conf, content: secret })
    const argv = JSON.stringify(ran.map((one) => one.argv))
    const digests = ran.flatMap(({ input }) => input.match(/[0-9a-f]{64}/g) ?? [])
    expect(digests.length).toBeGreaterThan(0)
    for (const part of [secret, Buffer.from(secret).toString('base64').slice(0, -4), ...digests]) {
      expect(argv).not.toContain(part)
    }
  })
})

describe.skipIf(process.platform !== 'linux')('files.sh refuses', () => {
  test.each<[string, string, (root: Root) => void, object?]>([
    ['a directory at the path', 'there is a directory', (root) => root.write(`${conf.path}/a`, '')],
    [
      'a directory that leads to a closed place',
      'its directory leads to a place that is closed',
      (root) => {
        root.write('/etc/kubernetes/manifests/pod.yaml', '')
        symlinkSync(root.path('/etc/kubernetes/manifests'), root.path('/etc/lab'))
      },
    ],
    [
      'a pipe at the path, without waiting for a writer',
      'it is not a regular file',
      (root) => {
        mkdirSync(root.path('/etc/lab'), { recursive: true })
        execFileSync('mkfifo', [root.path(conf.path)])
      },
    ],
    ['a file in place of a directory', 'its directory cannot be made', (root) => root.write('/etc/lab', '')],
    [
      'an owner that is not there',
      'the machine has no such user or group',
      () => {},
      { owner: 'nobody-of-this-name:root' },
    ],
    ['a group that is not there', 'the machine has no such user or group', () => {}, { owner: `${uid}:no-group` }],
  ])('%s, and writes and notes nothing', async (_, why, prepare, change = {}) => {
    const root = createRoot()
    prepare(root)
    const situation = await situationOf(root, [{ ...conf, ...change }])
    await expect(act(root, situation)).rejects.toMatchObject({
      code: 'FILE_REFUSED',
      values: { path: conf.path, why },
    })
    expect(step.done(await situationOf(root, [{ ...conf, ...change }]))).not.toBe('done')
    expect(root.has(`${state}/applied${root.path(conf.path)}`)).toBe(false)
    expect(root.has('/etc/kubernetes/manifests/one.conf')).toBe(false)
    if (statSync(root.path('/etc/lab')).isDirectory()) expect(leftIn(root, '/etc/lab')).toEqual([])
  })

  test('what arrives cut off: a file is whole or is not written', async () => {
    const action = step.action?.(await situationOf(createRoot(), [conf, { ...conf, path: '/etc/lab/two.conf' }]))
    if (action?.kind !== 'run') throw new Error('no script is run')
    const { script, args, input: text = '' } = action
    expect(text).toContain('/etc/lab/one.conf ')
    for (let cut = 0; cut < text.length; cut += 7) {
      const root = createRoot()
      await root
        .machine()
        .run(script, args, { input: text.slice(0, cut) })
        .catch(() => 'it failed')
      const there = ['one', 'two'].map((name) => `/etc/lab/${name}.conf`).filter((path) => root.has(path))
      for (const path of there) expect(root.read(path), `cut at ${cut}`).toBe('one\n')
      if (root.has('/etc/lab')) expect(leftIn(root, '/etc/lab')).toEqual([])
      const names = root.has('/etc') ? readdirSync(root.path('/etc')) : []
      expect(names.filter((name) => name !== 'lab')).toEqual([])
    }
  })

  test.each([
    ['a space', '/etc/my patches'],
    ['a glob', '/etc/*'],
    ['a newline and a command', "/p\nend-of-input\nid >/etc/pwned\n: <<'end-of-input'"],
    ['a quote', `/etc/'"$(id >/etc/pwned)`],
  ])('a closed place with %s in it is one place, and no program text', async (_, place) => {
    const root = createRoot()
    root.write('/etc/here', '')
    await act(root, await situationOf(root, [conf], [place]))
    expect(root.read(conf.path)).toBe('one\n')
    expect(root.has('/etc/pwned')).toBe(false)
    expect(root.has('/etc/lab/pwned')).toBe(false)
  })

  // A pod with the directory mounted exchanges it for a link to a closed place, when the script runs a program.
  test.each([
    'mkdir',
    'base64',
    'chown',
    'chmod',
    'sync',
    'mv',
  ])('a directory that becomes a link before %s', async (program) => {
    const root = createRoot()
    root.write('/etc/kubernetes/manifests/pod.yaml', '')
    root.write('/etc/lab/there', '')
    const [lab, closed] = [root.path('/etc/lab'), root.path('/etc/kubernetes/manifests')]
    const exchange = `mv ${lab} ${lab}.away; ln -s ${closed} ${lab}; cp ${lab}.away/.[!.]* ${closed}`
    root.write(
      `/stand-ins/${program}`,
      `#!/bin/sh\nPATH=\${PATH#*:}\nif [ ! -L ${lab} ]; then ${exchange} 2>/dev/null; fi\nexec ${program} "$@"\n`,
    )
    chmodSync(root.path(`/stand-ins/${program}`), 0o755)
    const sum = createHash('sha256').update('one\n').digest('hex')
    const line = `${conf.path} digest 0644 ${uid} ${gid} ${sum} ${Buffer.from('one\n').toString('base64')}\n`
    const { stdout } = await root.runWith(line, 'steps/files.sh', state, '/etc/kubernetes/manifests')
    expect(stdout).toMatch(/^refused \/etc\/lab\/one\.conf its directory /)
    expect(root.has('/etc/kubernetes/manifests/one.conf')).toBe(false)
    expect(root.has(`${state}/applied${root.path(conf.path)}`)).toBe(false)
  })
})
