import { describe, expect, test } from 'vitest'
import { observingMessage } from '../../src/upgrade/progress.ts'
import { type Lab, putAtTarget, startLab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import type { SimulatedMachine } from '../fake-docker/machine.ts'
import { target } from '../fake-docker/release.ts'
import { mortal } from './mortal.ts'
import { begin, recordFile, state, taskOf, unitsOf, walk, ways, when } from './walk.ts'

const secret = 'the-content-of-the-file'
const one = { path: '/etc/lab/one.conf', content: secret, permissions: '0600' }
const two = { path: '/opt/two', content: 'two', owner: 'daemon:daemon' }
const files = [one, two]
const written = ['write /etc/lab/one.conf', 'write /opt/two']

// What was done to a machine, without the notes of its record and the removal of the attempt's directory.
function changesOf({ effects }: SimulatedMachine): string[] {
  return effects.filter((effect) => !effect.startsWith('note ') && effect !== 'tidy')
}

const labs: [string, () => Lab][] = [
  ['cp-1', () => startQuickLab('cp-1')],
  ['w-1', () => startWorkersLab('w-1')],
]

// A machine that is at the target, and that has lost what the walk may not need.
function atTarget(name: string, start: () => Lab) {
  const lab = start()
  const machine = putAtTarget(lab, name)
  lab.fake.helpers.images.clear()
  return { lab, machine }
}

describe.each(labs)('on %s at the version', (name, start) => {
  test('only the files are written: no program, no unit, no kubeadm, no restart', async () => {
    const { lab, machine } = atTarget(name, start)
    const { kubelet, containers } = structuredClone({ kubelet: machine.kubelet, containers: machine.containers })
    const before = lab.clock.now()
    const { run, reports } = await walk(lab, name, { files })
    expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
    expect(changesOf(machine)).toEqual(written)
    expect(reports.slice(0, 2)).toEqual([observingMessage, 'files: /etc/lab/one.conf and 1 more'])
    expect(unitsOf(lab, name)).toEqual([])
    expect(machine.files.get(one.path)).toBe(`0600 root:root ${secret}\n`)
    expect({ kubelet: machine.kubelet, containers: machine.containers }).toEqual({ kubelet, containers })
    expect((lab.clock.now() - before) / 1000).toBeLessThan(15)
  })

  test('nothing is done when it is requested again', async () => {
    const { lab, machine } = atTarget(name, start)
    await walk(lab, name, { files })
    const before = machine.snapshot()
    expect((await walk(lab, name, { files })).run.progress.phase).toBe('Done')
    expect(machine.snapshot()).toEqual(before)
  })

  test('just the file that changes is written, and the one before it is kept', async () => {
    const { lab, machine } = atTarget(name, start)
    await walk(lab, name, { files })
    machine.effects.length = 0
    await walk(lab, name, { files: [{ ...one, content: 'new' }, two] })
    expect(changesOf(machine)).toEqual(['write /etc/lab/one.conf'])
    expect(machine.files.get(`${state}/files/replaced${one.path}`)).toBe(`${secret}\n`)
  })

  test('a machine that is not well gets its files, is waited for, and is not upgraded once more', async () => {
    const { lab, machine } = atTarget(name, start)
    const node = lab.cluster.nodes.get(name)
    Object.assign(node ?? {}, { ready: false })
    lab.clock.after(60, () => Object.assign(node ?? {}, { ready: true }))
    const { run, reports } = await walk(lab, name, { files })
    expect(run.progress.phase).toBe('Done')
    expect(changesOf(machine)).toEqual(written)
    expect(unitsOf(lab, name)).toEqual([])
    expect(reports).toContain('verify: the Node to be Ready')
  })

  test('nor is it upgraded by a second replica, or by one that comes later', async () => {
    const { lab, machine } = atTarget(name, start)
    const node = lab.cluster.nodes.get(name)
    Object.assign(node ?? {}, { ready: false })
    const walks = [begin(lab, name, { files }), begin(lab, name, { files })]
    lab.clock.after(30, () => walks.push(begin(lab, name, { files })))
    lab.clock.after(60, () => Object.assign(node ?? {}, { ready: true }))
    await walks[0]?.ended
    await Promise.all(walks.map(({ ended }) => ended))
    expect(walks.map(({ run }) => run.progress.phase)).toEqual(['Done', 'Done', 'Done'])
    expect(changesOf(machine)).toEqual(written)
  })

  test('so does one whose kubelet does not run at the moment', async () => {
    const { lab, machine } = atTarget(name, start)
    const { pid, version } = machine.kubelet
    Object.assign(machine.kubelet, { pid: 0, version: '' })
    lab.clock.after(60, () => Object.assign(machine.kubelet, { pid, version }))
    expect((await walk(lab, name, { files })).run.progress.phase).toBe('Done')
    expect(changesOf(machine)).toEqual(written)
  })

  test('entries that are never written in place are as if they were not there', async () => {
    const { lab, machine } = atTarget(name, start)
    const closed = { path: '/etc/kubernetes/manifests/x.yaml', content: 'x' }
    const odd = { path: '/etc/x', content: 'x', append: true }
    await walk(lab, name, { files: [closed, odd] })
    expect(machine.effects).toEqual([])
    await walk(lab, name, { files: [closed, one, odd, two] })
    expect(changesOf(machine)).toEqual(written)
  })

  test('of two processes that are killed again and again each file is written once', async () => {
    const { lab, machine } = atTarget(name, start)
    for (let n = 1; n < 40; n += 1) {
      const { engine, died } = mortal(lab.engine, n, n % 2 === 0 ? 'before' : 'after')
      await Promise.race([died, begin(lab, name, { engine, files }).ended])
    }
    expect((await walk(lab, name, { files })).run.progress.phase).toBe('Done')
    expect(machine.effects.filter((effect) => effect.startsWith('write'))).toEqual(written)
    expect(machine.units.starts).toEqual([])
  })

  test('nothing of a file but its path is in what is told, noted, or given as an argument', async () => {
    const { lab, machine } = atTarget(name, start)
    const { messages } = await walk(lab, name, { files })
    const base64 = Buffer.from(secret).toString('base64')
    expect(machine.files.get(recordFile)).toContain('files')
    const noted = [...machine.files].filter(([path]) => path.startsWith(state))
    for (const text of [messages, machine.commands, lab.cluster.story, noted].map((seen) => JSON.stringify(seen))) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(base64.slice(0, 20))
    }
  })
})

describe.each(labs)('a new version and files on %s', (name, start) => {
  test('both come: the files after the images and before kubeadm, and the machine is at both', async () => {
    const lab = start()
    const machine = lab.machine(name)
    const { run } = await walk(lab, name, { files })
    expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
    expect(machine.kubelet.version).toBe(target)
    const steps = machine.effects.flatMap((effect) => /^note (\S+) started$/.exec(effect)?.[1] ?? [])
    const staging = ['binaries', 'image-list', 'image-archive', 'images']
    const [first = '', ...units] = unitsOf(lab, name).filter((unit) => !staging.includes(unit))
    const expected = [...staging, 'files', first, ...units, 'tidy']
    expect(steps.filter((step) => expected.includes(step))).toEqual(expected)
    expect(machine.files.get(two.path)).toBe('0644 daemon:daemon two\n')
  })

  test('a change of the files on the way waits for what was begun, and then they are written', async () => {
    const lab = start()
    const machine = lab.machine(name)
    machine.units.hold('kubeadm')
    const first = begin(lab, name, { files })
    when(lab, name, 'start unit kubeadm', () => lab.clock.stop())
    await first.ended
    lab.clock.resume()
    machine.units.release('kubeadm')
    const { run } = await walk(lab, name, { files: [{ ...one, content: 'new' }, two] })
    expect(run.progress.phase).toBe('Done')
    expect(machine.files.get(one.path)).toBe('0600 root:root new\n')
    expect(unitsOf(lab, name)).toEqual(ways.find(([machine]) => machine === name)?.[2])
  })

  test('a service that is killed at any moment goes on to both', async () => {
    const lab = start()
    for (let lives = 1; ; lives += 1) {
      const { engine, died } = mortal(lab.engine, 20, lives % 2 === 0 ? 'before' : 'after')
      if ((await Promise.race([died, begin(lab, name, { engine, files }).ended])) === undefined) break
      expect(lives).toBeLessThan(50)
    }
    const { effects, kubelet } = lab.machine(name)
    expect(effects.filter((effect) => effect.startsWith('write'))).toEqual(written)
    expect(kubelet.version).toBe(target)
  })
})

test.each([
  ['version', [], target],
  ['files', written, 'v1.34.4'],
] as const)('with changes: %s nothing else is done', async (changes, effects, version) => {
  const lab = startWorkersLab('w-1')
  const { run } = await walk(lab, 'w-1', { files, settings: { changes } })
  expect(run.progress.phase).toBe('Done')
  expect(changesOf(lab.machine('w-1')).filter((effect) => effect.startsWith('write '))).toEqual(effects)
  expect(unitsOf(lab, 'w-1').length).toBe(changes === 'files' ? 0 : 4)
  expect(lab.machine('w-1').kubelet.version).toBe(version)
})

test('through the real client of the engine, contents arrive whole', async () => {
  const lab = await startLab('cp-1')
  const machine = putAtTarget(lab, 'cp-1')
  const big = 'a line of text, é and 😀\n'.repeat(400)
  await walk(lab, 'cp-1', { files: Array.from({ length: 30 }, (_, i) => ({ path: `/opt/${i}`, content: big })) })
  for (let i = 0; i < 30; i += 1) expect(machine.files.get(`/opt/${i}`)).toBe(`0644 root:root ${big}`)
})

describe('a file that cannot be written', () => {
  const refused = [one, { ...two, owner: 'stranger' }]
  const said = 'The file /opt/two cannot be written: the machine has no such user or group. (FILE_REFUSED)'

  test('is a failure with the reason; the walk ends before kubeadm, and cools down', async () => {
    const lab = startWorkersLab('w-1')
    const machine = lab.machine('w-1')
    const { run } = await walk(lab, 'w-1', { files: refused })
    expect(run.progress).toMatchObject({ phase: 'Failed', step: 'files', message: said })
    expect(machine.kubelet.version).toBe('v1.34.4')
    expect(unitsOf(lab, 'w-1')).not.toContain('kubeadm')
    const before = machine.snapshot()
    expect((await walk(lab, 'w-1', { files: refused })).run.progress.message).toBe(said)
    expect(machine.snapshot()).toEqual(before)
  })

  test('does not apply to other files: those are written at once', async () => {
    const lab = startWorkersLab('w-1')
    putAtTarget(lab, 'w-1')
    expect((await walk(lab, 'w-1', { files: refused })).run.progress.phase).toBe('Failed')
    expect((await walk(lab, 'w-1', { files })).run.progress.phase).toBe('Done')
  })
})

test('an update with other files takes the place of one that has changed nothing yet', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('binaries')
  const first = begin(lab, 'w-1', { files })
  when(lab, 'w-1', 'start unit binaries', () => lab.clock.stop())
  await first.ended
  lab.clock.resume()
  machine.units.release('binaries')
  const { run } = await walk(lab, 'w-1', { files: [{ ...one, content: 'new' }] })
  expect(run.progress.phase).toBe('Done')
  expect(changesOf(machine).filter((effect) => effect.startsWith('write '))).toEqual(['write /etc/lab/one.conf'])
  expect(machine.files.get(one.path)).toBe('0600 root:root new\n')
  expect(machine.effects.filter((effect) => effect.startsWith('kubeadm upgrade'))).toHaveLength(1)
})

test('the same files in other words are the same task, and other files are another', () => {
  const key = (...entries: object[]) => taskOf('w-1', { files: entries }).key
  expect(taskOf('w-1').key).toBe(target)
  expect(key(one)).toMatch(new RegExp(`^${target} with files [0-9a-f]{12}$`))
  expect(key(one)).toBe(key({ ...one, permissions: '600', owner: 'root' }))
  expect(key(one)).toBe(key({ ...one, content: Buffer.from(`${secret}\n`).toString('base64'), encoding: 'base64' }))
  const others = [{ content: 'x' }, { permissions: '0644' }, { owner: 'daemon' }, { path: '/etc/x' }]
  expect(new Set([key(one), ...others.map((other) => key({ ...one, ...other }))]).size).toBe(5)
})
