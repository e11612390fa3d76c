import { execFileSync } from 'node:child_process'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { change } from '../../../src/machine/change.ts'
import { stateDirectory } from '../../../src/machine/machine.ts'
import { type Case, canMount, killed, onFullDisk } from '../../upgrade/shell/disturbed.ts'
import { createRoot, type Root } from '../../upgrade/shell/rooted.ts'
import { digestIn, machineWith, recordPath, run, start, unit, work } from './changes.ts'
import { bytesIn, leftIn, realMachine } from './real-machine.ts'
import { addSystemd } from './systemd.ts'

// More than a page, so that a disk can be full in the middle of it.
const long = (text: string) => `{"${text.repeat(1500)}"}`
const before = long('old-')
const after = long('new')

function machine(root: Root): void {
  root.program('/stand-ins/systemctl')
  root.program('/stand-ins/systemd-run')
  root.write(recordPath, `${before}\n`)
}

// Arguments of change.sh for a change of the record above.
function argumentsOf(input: string, ...more: string[]): string[] {
  return argumentsOn(machineWith(before).root, input, ...more)
}

function argumentsOn(root: Root, input: string, ...more: string[]): string[] {
  return [stateDirectory, digestIn(root), after, String(input.length), ...more]
}

const input = 'an input\n'.repeat(1000)
const shared = { script: '../machine/change.sh', disks: ['/var'], prepare: machine }
const temporary = new RegExp(`^${stateDirectory}/(attempt\\.json\\.new|work/key\\.new)$`)

// In each of them the record is old or new at any time, and the same change ends as an undisturbed one does. The second
// one of a change whose record is written already is told that it differs, and changes nothing.
const cases = (): (Case & { name: string })[] => [
  { ...shared, name: 'note', args: argumentsOf('', 'note'), leftovers: [temporary] },
  {
    ...shared,
    name: 'begin',
    args: argumentsOf('', 'begin', 'another', '', '*', '', ''),
    // The record comes before the key: the attempt takes its work directory once more.
    argsAgain: (root) => argumentsOn(root, '', 'begin', 'another', '', '*', '', ''),
    prepare(root) {
      machine(root)
      root.write(`${work}/bin/kubeadm`, 'staged')
    },
    leftovers: [temporary],
  },
  {
    ...shared,
    name: 'begin',
    args: argumentsOf('', 'begin', 'another', '', '*', 'previous', ''),
    argsAgain: (root) => argumentsOn(root, '', 'begin', 'another', '', '*', 'previous', ''),
    prepare(root) {
      machine(root)
      for (const file of ['bin/kubeadm', 'previous/kubelet']) root.write(`${work}/${file}`, 'staged')
    },
    leftovers: [temporary],
  },
  { ...shared, name: 'run', args: argumentsOf(input, 'run', '', ':'), input, leftovers: [temporary] },
  {
    ...shared,
    name: 'start',
    args: argumentsOf(input, 'start', unit, '60', 'kubelet', '', `# ${before}`),
    input,
    leftovers: [temporary, new RegExp(`^${work}/${unit}\\.(sh\\.new|input)$`)],
  },
]

describe.skipIf(process.platform !== 'linux')('change.sh', () => {
  test.each(['note', 'begin', 'run', 'start'])('%s survives kill -9 at each program that it calls', async (name) => {
    for (const one of cases().filter((each) => each.name === name)) expect(await killed(one)).toBeGreaterThan(1)
  })

  test('holds the lock as long as a script runs whose change.sh was killed', async () => {
    const { root, machine } = machineWith()
    // The script ends the shell that began it, and is still there when the next change comes.
    const orphan = run(
      'kill -9 "$PPID"; echo begin >>"$1"; cat "$2" >/dev/null; echo end >>"$1"',
      '/tmp/log',
      '/tmp/pipe',
    )
    execFileSync('mkfifo', [root.path('/tmp/pipe')])
    const first = change(machine, { seen: '', record: undefined }, orphan).catch(() => 'killed')
    const second = change(machine, { seen: '', record: undefined }, run('echo next >>"$1"', '/tmp/log'))
    writeFileSync(root.path('/tmp/pipe'), '')
    await Promise.all([first, second])
    expect(['begin\nend\nnext\n', 'next\nbegin\nend\n']).toContain(bytesIn(root, '/tmp/log'))
  })
})

describe.skipIf(!canMount)('change.sh on a full disk', () => {
  test.each(['note', 'begin', 'run', 'start'])('%s leaves the record whole at every write', async (name) => {
    for (const one of cases().filter((each) => each.name === name)) {
      expect(await onFullDisk('/var', one)).toBeGreaterThan(0)
    }
  })

  // A message that names the disk is worth more than one that names the script.
  test.each([
    ['/var', 'note', { kind: 'note' }],
    ['/var', 'begin', { kind: 'begin', key: 'k'.repeat(5000), endable: [] }],
    ['/var', 'start', start(input)],
    ['/var', 'start, with a long script', { ...start(), script: { name: 'long', text: `# ${before}` } }],
    ['/run', 'run', { ...run(':'), input }],
  ] as const)('%s: %s is DISK_FULL until there is room', async (disk, _, wanted) => {
    const root = createRoot()
    addSystemd(root)
    mount(root.path(disk))
    root.write(recordPath, `${before}\n`)
    const host = realMachine(root)
    for (let pages = 0; ; pages += 1) {
      const filler = fill(root.path(disk), pages * 4096)
      const result = await change(host, { seen: digestIn(root), record: after }, wanted).catch((thrown) => thrown)
      rmSync(filler)
      if (result.kind === 'made') break
      expect(result).toMatchObject({ code: 'DISK_FULL' })
      expect(bytesIn(root, recordPath)).toBe(`${before}\n`)
      expect(leftIn(root, '/run').filter((file) => file !== '.filler')).toEqual([])
    }
    expect(bytesIn(root, recordPath)).toBe(`${after}\n`)
  })
})

function mount(path: string): void {
  execFileSync('mkdir', ['-p', path])
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path])
  onTestFinished(() => void execFileSync('umount', [path]))
}

function fill(disk: string, freeBytes: number): string {
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(`${disk}/.filler`, Buffer.alloc(Math.max(0, bavail * bsize - freeBytes)))
  return `${disk}/.filler`
}
