import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createUpgrades } from '../../src/upgrade/upgrades.ts'
import { type Lab, putAtTarget, startLab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { mortal } from './mortal.ts'
import { begin, meansOf, taskOf, walk } from './walk.ts'

const secret = 'the-content-of-the-file'
const one = { path: '/etc/lab/one.conf', content: secret, permissions: '0600' }
const two = { path: '/opt/two', content: 'two', owner: 'daemon:daemon' }
const files = [one, two]
const written = [
  'note files start',
  'write /etc/lab/one.conf',
  'write /opt/two',
  'note files done',
  'note upgrade ended',
]
const state = '/var/lib/capd-kubeadm-upgrader'

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
    const { run, messages } = await walk(lab, name, { files })
    expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
    expect(machine.effects).toEqual(written)
    expect(messages).toEqual([
      'looking at the machine',
      "step 1 of 2, writing the KubeadmConfig's files: waiting for /etc/lab/one.conf and 1 more",
      `at ${target}`,
    ])
    expect(machine.files.get(one.path)).toBe(`0600 root:root ${secret}\n`)
    expect({ kubelet: machine.kubelet, containers: machine.containers }).toEqual({ kubelet, containers })
    expect((lab.clock.now() - before) / 1000).toBeLessThan(15)
  })

  test('nothing is done when it is asked for again', async () => {
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
    expect(machine.effects).toEqual([
      'note files start',
      'write /etc/lab/one.conf',
      'note files done',
      'note upgrade ended',
    ])
    expect(machine.files.get(`${state}/files/replaced${one.path}`)).toBe(`0600 root:root ${secret}\n`)
  })

  test('a machine that is not well gets its files, is waited for, and is not upgraded once more', async () => {
    const { lab, machine } = atTarget(name, start)
    const node = lab.cluster.nodes.get(name)
    Object.assign(node ?? {}, { ready: false })
    lab.clock.after(60, () => Object.assign(node ?? {}, { ready: true }))
    const { run, messages } = await walk(lab, name, { files })
    expect(run.progress.phase).toBe('Done')
    expect(machine.effects).toEqual(written)
    expect(messages).toContain('step 2 of 3, checking the machine at the new version: waiting for the Node to be Ready')
  })

  test('so does one whose kubelet does not run at the moment', async () => {
    const { lab, machine } = atTarget(name, start)
    const { pid, version } = machine.kubelet
    Object.assign(machine.kubelet, { pid: 0, version: '' })
    lab.clock.after(60, () => Object.assign(machine.kubelet, { pid, version }))
    expect((await walk(lab, name, { files })).run.progress.phase).toBe('Done')
    expect(machine.effects).toEqual(written)
  })

  test('entries that are never written in place are as if they were not there', async () => {
    const { lab, machine } = atTarget(name, start)
    const closed = { path: '/etc/kubernetes/manifests/x.yaml', content: 'x' }
    const odd = { path: '/etc/x', content: 'x', append: true }
    await walk(lab, name, { files: [closed, odd] })
    expect(machine.effects).toEqual([])
    await walk(lab, name, { files: [closed, one, odd, two] })
    expect(machine.effects).toEqual(written)
  })

  test('of two processes that are killed again and again each file is written once', async () => {
    const { lab, machine } = atTarget(name, start)
    for (let n = 1; n < 40; n += 1) {
      const { engine, died } = mortal(lab.engine, n, n % 2 === 0 ? 'before' : 'after')
      await Promise.race([died, begin(lab, name, { engine, files }).ended])
    }
    expect((await walk(lab, name, { files })).run.progress.phase).toBe('Done')
    expect(machine.effects.filter((effect) => effect.startsWith('write'))).toEqual(written.slice(1, 3))
    expect(machine.units.starts).toEqual([])
  })

  test('nothing of a file but its path is in what is told, noted, or given as an argument', async () => {
    const { lab, machine } = atTarget(name, start)
    const { messages } = await walk(lab, name, { files })
    const base64 = Buffer.from(secret).toString('base64')
    const history = machine.files.get(`${state}/history.jsonl`) ?? ''
    expect(history).toContain('files')
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
    const steps = machine.effects.flatMap((effect) => /^note (\S+) start$/.exec(effect)?.[1] ?? [])
    expect(steps).toEqual(['binaries', 'image-archive', 'images', 'files', 'kubeadm', 'kubelet', 'tidy'])
    expect(machine.files.get(two.path)).toBe('0644 daemon:daemon two\n')
  })

  test('a change of the files on the way changes no unit: what was begun goes on', async () => {
    const lab = start()
    const machine = lab.machine(name)
    machine.units.hold('kubeadm')
    const { engine, died } = mortal(lab.engine, 120, 'after')
    await Promise.race([died, begin(lab, name, { engine, files }).ended])
    machine.units.release('kubeadm')
    const { run } = await walk(lab, name, { files: [{ ...one, content: 'new' }, two] })
    expect(run.progress.phase).toBe('Done')
    expect(machine.files.get(one.path)).toBe('0600 root:root new\n')
    const starts = machine.units.starts.map((unit) => unit.split('-')[3])
    expect(starts).toEqual(['binaries', 'images', 'kubeadm', 'kubelet'])
  })

  test('a service that is killed at any moment goes on to both', async () => {
    const lab = start()
    for (let lives = 1; ; lives += 1) {
      const { engine, died } = mortal(lab.engine, 40, lives % 2 === 0 ? 'before' : 'after')
      if ((await Promise.race([died, begin(lab, name, { engine, files }).ended])) === undefined) break
      expect(lives).toBeLessThan(50)
    }
    const { effects, kubelet } = lab.machine(name)
    expect(effects.filter((effect) => effect.startsWith('write'))).toEqual(written.slice(1, 3))
    expect(kubelet.version).toBe(target)
  })
})

test.each([
  ['version', [], target],
  ['files', written.slice(0, -1), 'v1.34.4'],
] as const)('with changes: %s nothing else is done', async (changes, effects, version) => {
  const lab = startWorkersLab('w-1')
  const { run } = await walk(lab, 'w-1', { files, settings: { changes } })
  expect(run.progress.phase).toBe('Done')
  const made = lab.machine('w-1').effects.filter((effect) => /files|^write/.test(effect))
  expect(made).toEqual(effects)
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

  test('is a failure that says why; the walk ends before kubeadm, and cools down', async () => {
    const lab = startWorkersLab('w-1')
    const machine = lab.machine('w-1')
    const { run } = await walk(lab, 'w-1', { files: refused })
    expect(run.progress).toMatchObject({ phase: 'Failed', step: 'files', message: said })
    expect(machine.kubelet.version).toBe('v1.34.4')
    const count = machine.commands.length
    expect((await walk(lab, 'w-1', { files: refused })).run.progress.message).toBe(said)
    expect(machine.commands.slice(count).map(([program]) => program)).toEqual(['cat'])
  })

  test('says nothing of other files: those are written at once', async () => {
    const lab = startWorkersLab('w-1')
    putAtTarget(lab, 'w-1')
    expect((await walk(lab, 'w-1', { files: refused })).run.progress.phase).toBe('Failed')
    expect((await walk(lab, 'w-1', { files })).run.progress.phase).toBe('Done')
  })
})

test('an update with other files waits for the one that is under way, and then begins', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  const upgrades = createUpgrades(meansOf(lab))
  const [first, second] = [taskOf('w-1', { files }), taskOf('w-1', { files: [{ ...one, content: 'new' }] })]
  const end = async (task: typeof first) => {
    for (;;) {
      upgrades.start(task)
      const progress = await upgrades.sync(task)
      if (progress.phase !== 'InProgress') return progress
      await nextTurn()
    }
  }
  machine.units.hold('binaries')
  upgrades.start(first)
  expect(() => upgrades.start(second)).toThrow(expect.objectContaining({ code: 'OTHER_UPGRADE' }))
  await expect(upgrades.sync(second)).rejects.toMatchObject({ code: 'NOT_STARTED' })
  machine.units.release('binaries')
  expect(await end(first)).toMatchObject({ phase: 'Done' })
  expect(await end(second)).toMatchObject({ phase: 'Done' })
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
