import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync, symlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Change, change } from '../../../src/machine/change.ts'
import { stateDirectory } from '../../../src/machine/machine.ts'
import type { Root } from '../../upgrade/shell/rooted.ts'
import { begin, changeScript, clear, digestIn, machineWith, recordPath, run, start, unit, work } from './changes.ts'
import { bytesIn, leftIn } from './real-machine.ts'
import { addUnit, unitsOf } from './systemd.ts'

const kinds: [string, Change][] = [
  ['note', { kind: 'note' }],
  ['begin', begin],
  ['run', run('true')],
  ['rest', { ...run('true'), kind: 'rest' }],
  ['start', start()],
]

describe.skipIf(process.platform !== 'linux')('the record', () => {
  test.each(kinds)('is written by %s where there is none', async (_, wanted) => {
    const { root, machine } = machineWith()
    expect(await change(machine, { seen: '', record: '{"a":"b c"}' }, wanted)).toMatchObject({ kind: 'made' })
    expect(bytesIn(root, recordPath)).toBe('{"a":"b c"}\n')
    expect(statSync(root.path(recordPath)).mode & 0o777).toBe(0o600)
  })

  test.each(kinds)('stays as it is where %s has none to write', async (_, wanted) => {
    const { root, machine } = machineWith('old')
    const swap = { seen: digestIn(root), record: undefined }
    expect(await change(machine, swap, wanted)).toMatchObject({ kind: 'made' })
    expect(bytesIn(root, recordPath)).toBe('old\n')
  })

  test.each([
    ...kinds,
    ['clear', clear] as const,
  ])('stands in the way of %s where it is another one', async (_, wanted) => {
    for (const seen of ['', '0'.repeat(64)]) {
      const { root, machine } = machineWith('old')
      addUnit(root, unit, { active: 'failed', sub: 'failed' })
      expect(await change(machine, { seen, record: 'new' }, wanted)).toEqual({ kind: 'differs' })
      expect(bytesIn(root, recordPath)).toBe('old\n')
      expect(unitsOf(root)).toEqual([unit])
      expect(root.has(work)).toBe(false)
    }
  })

  test('is no directory or pipe: that one is not taken for a record that was written', async () => {
    const { root, machine } = machineWith()
    mkdirSync(root.path(recordPath), { recursive: true })
    await expect(change(machine, { seen: '', record: 'new' }, { kind: 'note' })).rejects.toMatchObject({
      code: 'EXEC_FAILED',
    })
  })

  test('is never part of a program', async () => {
    const { root, machine } = machineWith()
    const record = `{"a":"$(touch $MACHINE_ROOT/touched) ' \\\\n %s \`"}`
    await change(machine, { seen: '', record }, { kind: 'note' })
    expect(bytesIn(root, recordPath)).toBe(`${record}\n`)
    expect(root.has('/touched')).toBe(false)
  })
})

// Both have come to the lock before either gets it.
async function together(root: Root, ...changes: (() => Promise<unknown>)[]): Promise<unknown[]> {
  mkdirSync(root.path(stateDirectory), { recursive: true })
  const holder = spawn('flock', [root.path(stateDirectory), 'sh', '-c', 'echo held; cat'])
  await once(holder.stdout, 'data')
  const results = changes.map((one) => one())
  holder.stdin.end()
  return Promise.all(results)
}

describe.skipIf(process.platform !== 'linux')('two changes at once', () => {
  test.each(kinds)('by the same record: one %s is made', async (_, wanted) => {
    const { root, machine } = machineWith('old')
    const seen = digestIn(root)
    const changes = ['one', 'two'].map((record) => () => change(machine, { seen, record }, wanted))
    const results = (await together(root, ...changes)) as { kind: string }[]
    expect(results.map(({ kind }) => kind).sort()).toEqual(['differs', 'made'])
    const winner = results[0]?.kind === 'made' ? 'one' : 'two'
    expect(bytesIn(root, recordPath)).toBe(`${winner}\n`)
  })

  test('run one after the other: no script begins before the other has ended', async () => {
    const { root, machine } = machineWith()
    root.write('/tmp/log', '')
    const noting = run('echo begin >>"$1"; cat "$1" >/dev/null; echo end >>"$1"', '/tmp/log')
    const changes = [1, 2, 3].map(() => () => change(machine, { seen: '', record: undefined }, noting))
    await together(root, ...changes)
    expect(bytesIn(root, '/tmp/log')).toBe('begin\nend\n'.repeat(3))
  })
})

describe.skipIf(process.platform !== 'linux')('the input', () => {
  test('reaches the script whole, and is gone afterwards', async () => {
    const { root, machine } = machineWith()
    const input = `${'x'.repeat(300_000)}\n\n`
    const wanted: Change = { ...run('wc -c; umask'), input }
    expect(await change(machine, { seen: '', record: 'new' }, wanted)).toEqual({
      kind: 'made',
      output: '300002\n0022\n',
    })
    expect(await change(machine, { seen: digestIn(root), record: 'new' }, start(input))).toMatchObject({
      kind: 'made',
    })
    expect(bytesIn(root, `${work}/${unit}.input`)).toBe(input)
    expect(leftIn(root, '/run')).toEqual([])
  })

  test.each(['', 'a', 'a line'])('that is cut off after %j changes nothing', async (arrived) => {
    for (const [kind, ...more] of [
      ['note'],
      ['begin', 'k'],
      ['run', '', 'touch "$1"', work],
      ['start', unit, '60', '', '', 'true'],
    ]) {
      const { root, machine } = machineWith('old')
      const args = [stateDirectory, digestIn(root), 'new', '7', kind ?? '', ...more]
      await expect(machine.run(changeScript, args, { input: arrived })).rejects.toMatchObject({ code: 'EXEC_FAILED' })
      expect(bytesIn(root, recordPath)).toBe('old\n')
      expect(root.has(work)).toBe(false)
      expect(unitsOf(root)).toEqual([])
      expect(leftIn(root, '/run')).toEqual([])
    }
  })

  test('that is longer than it was to be is cut at its length', async () => {
    const { machine } = machineWith()
    const args = [stateDirectory, '', '', '2', 'run', '', 'cat']
    expect(await machine.run(changeScript, args, { input: 'abcd' })).toBe('made\nab')
  })
})

describe.skipIf(process.platform !== 'linux')('a script', () => {
  test('that fails is a failure, and the record that was to precede it stands', async () => {
    const { root, machine } = machineWith()
    await expect(change(machine, { seen: '', record: 'new' }, run('exit 3'))).rejects.toMatchObject({
      code: 'EXEC_FAILED',
    })
    expect(bytesIn(root, recordPath)).toBe('new\n')
  })

  test('that is ended with its change leaves no input behind', async () => {
    const { root, machine } = machineWith()
    const wanted: Change = { ...run('kill -TERM 0'), input: 'an input' }
    await expect(change(machine, { seen: '', record: 'new' }, wanted)).rejects.toMatchObject({ code: 'EXEC_FAILED' })
    expect(leftIn(root, '/run')).toEqual([])
  })

  test('that fails before the machine rests leaves the record as it was', async () => {
    const { root, machine } = machineWith('old')
    const swap = { seen: digestIn(root), record: 'new' }
    const wanted = { ...run('exit 3'), kind: 'rest' } as const
    await expect(change(machine, swap, wanted)).rejects.toMatchObject({ code: 'EXEC_FAILED' })
    expect(bytesIn(root, recordPath)).toBe('old\n')
  })

  test('may print anything, also what change.sh itself prints', async () => {
    const { machine } = machineWith()
    const printed = 'differs\nbusy\n"quotes"\n'
    expect(await change(machine, { seen: '', record: undefined }, run('printf %s "$1"', printed))).toEqual({
      kind: 'made',
      output: printed,
    })
  })
})

test.skipIf(process.platform !== 'linux')('a change that is not known is a failure and changes nothing', async () => {
  const { root, machine } = machineWith()
  const args = [stateDirectory, '', 'new', '0', 'reboot']
  await expect(machine.run(changeScript, args)).rejects.toMatchObject({ code: 'EXEC_FAILED' })
  expect(root.has(recordPath)).toBe(false)
})

test.skipIf(process.platform !== 'linux')('pipes and links in the place of our files hold up nothing', async () => {
  const { root, machine } = machineWith()
  const pipe = (path: string) => execFileSync('mkfifo', [root.path(path)])
  root.write('/etc/other', 'of another')
  root.write(`${work}/x`, '')
  pipe(`${work}/key`)
  symlinkSync(root.path('/etc/other'), root.path(`${recordPath}.new`))
  expect(await change(machine, { seen: '', record: 'new' }, begin)).toMatchObject({ kind: 'made' })
  for (const path of [`${recordPath}.new`, `${work}/${unit}.sh.new`, `${work}/${unit}.input`]) pipe(path)
  const swap = { seen: digestIn(root), record: 'newer' }
  expect(await change(machine, swap, start('input'))).toMatchObject({ kind: 'made' })
  expect(bytesIn(root, recordPath)).toBe('newer\n')
  expect(bytesIn(root, `${work}/${unit}.input`)).toBe('input')
  expect(bytesIn(root, '/etc/other')).toBe('of another')
})

test.skipIf(process.platform !== 'linux')(
  'another attempt of the same key keeps what was staged, without the renewed entries',
  async () => {
    const { root, machine } = machineWith()
    for (const name of ['bin/kubeadm', 'previous/kubelet', 'images.list', 'images.failed', 'kubeadm.done']) {
      root.write(`${work}/${name}`, 'x')
    }
    root.write(`${work}/key`, 'k\n')
    const wanted = { ...begin, renewed: ['images.list', 'images.failed', 'kubeadm.done'] }
    expect(await change(machine, { seen: '', record: 'new' }, wanted)).toMatchObject({ kind: 'made' })
    expect(leftIn(root, work)).toEqual(['bin', 'key', 'previous'])
  },
)

test.skipIf(process.platform !== 'linux')(
  'an attempt of another key keeps what it is told to, and no more',
  async () => {
    const { root, machine } = machineWith()
    for (const name of ['key', 'bin/kubeadm', '.hidden', 'previous/kubelet', 'previous.new/kubelet']) {
      root.write(`${work}/${name}`, 'of another')
    }
    const wanted = { ...begin, kept: ['previous'] }
    expect(await change(machine, { seen: '', record: 'new' }, wanted)).toMatchObject({ kind: 'made' })
    expect(leftIn(root, work)).toEqual(['key', 'previous'])
    expect(bytesIn(root, `${work}/key`)).toBe('k\n')
    expect(bytesIn(root, `${work}/previous/kubelet`)).toBe('of another')
  },
)

test.skipIf(process.platform !== 'linux')(
  'a beginning whose record is not written takes no work directory',
  async () => {
    const { root, machine } = machineWith()
    root.write(`${work}/key`, 'of another\n')
    // Nothing can be written to a directory.
    root.write(`${recordPath}.new/x`, '')
    await expect(change(machine, { seen: '', record: 'new' }, begin)).rejects.toMatchObject({ code: 'EXEC_FAILED' })
    expect(leftIn(root, work)).toEqual([])
  },
)
