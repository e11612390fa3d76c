import { expect, test } from 'vitest'
import { observingMessage } from '../../src/upgrade/progress.ts'
import { startQuickLab } from '../fake-docker/lab.ts'
import { nodeImage } from '../fake-docker/node-image.ts'
import { target } from '../fake-docker/release.ts'
import { oneByOne, recordOf, state, unitsOf, walk, when } from './walk.ts'

interface Trouble {
  code: string
  step: string
  // How a unit of this step ends, twice.
  exitCode: number
  log: string
}

// Trouble that passes: the walk goes on by itself, and meanwhile the message names it.
const troubles: Trouble[] = [
  { code: 'DOWNLOAD_BROKEN', step: 'binaries', exitCode: 42, log: 'failed: kubelet\n' },
  { code: 'DOWNLOAD_STALLED', step: 'binaries', exitCode: 43, log: 'failed: kubelet\n' },
  { code: 'CHECKSUM_WRONG', step: 'binaries', exitCode: 44, log: 'failed: kubeadm\n' },
  { code: 'UNIT_FAILED', step: 'binaries', exitCode: 2, log: 'sh: syntax error\n' },
  { code: 'DISK_FULL', step: 'binaries', exitCode: 48, log: 'failed: kubelet\n' },
  {
    code: 'DISK_FULL',
    step: 'kubeadm',
    exitCode: 1,
    log: "cp: error writing '/etc/kubernetes/kubelet.conf.new': No space left on device",
  },
  { code: 'IMAGES_NOT_LOADED', step: 'images', exitCode: 1, log: 'ctr: no space left\n' },
  {
    code: 'KUBEADM_FORBIDDEN',
    step: 'kubeadm',
    exitCode: 1,
    log: 'error: configmaps "kubelet-config" is forbidden: User "system:node:w-1" cannot get resource',
  },
  { code: 'UNIT_FAILED', step: 'render', exitCode: 1, log: 'mv: no\n' },
  {
    code: 'KUBEADM_FORBIDDEN',
    step: 'prepare',
    exitCode: 1,
    log: 'error: configmaps "kubelet-config" is forbidden: User "system:node:w-1" cannot get resource',
  },
  { code: 'UNIT_FAILED', step: 'exchange', exitCode: 1, log: 'mv: no\n' },
  { code: 'UNIT_FAILED', step: 'kubelet', exitCode: 1, log: 'cp: no space left\n' },
]

// Only kubeadm's own way has a unit of the kubelet's.
const optionsFor = (step: string) => (step === 'kubelet' ? oneByOne : {})

test.each(troubles)('$code in $step may pass', async ({ code, step, exitCode, log }) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail(step, { exitCode, log }, 2)
  const { run, reports } = await walk(lab, 'cp-1', optionsFor(step))
  expect(run.progress.phase).toBe('Done')
  // The message does not change until the step is done.
  expect(reports.filter((report) => report.startsWith(`${step}: `)).at(-1)).toBe(`${step}: ${code}`)
  expect(reports.filter((report) => report === `${step}: ${code}`)).toHaveLength(1)
  expect(recordOf(lab, 'cp-1')?.events).toContainEqual(
    expect.objectContaining({ step, event: `retried: ${code}`, count: 2 }),
  )
  expect(unitsOf(lab, 'cp-1').filter((unit) => unit === step)).toHaveLength(3)
})

test.each([
  'binaries',
  'images',
  'render',
  'prepare',
  'exchange',
  'kubeadm',
  'kubelet',
])('%s that fails without a word on a full disk reports the disk', async (step) => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  const { freeMiB } = machine
  machine.units.fail(step, { exitCode: 1, log: '' }, 2)
  when(lab, 'cp-1', `start unit ${step}`, () => Object.assign(machine, { freeMiB: 0 }))
  lab.clock.after(300, () => Object.assign(machine, { freeMiB }))
  const { run, reports } = await walk(lab, 'cp-1', optionsFor(step))
  expect(reports).toContain(`${step}: DISK_FULL`)
  expect(run.progress.phase).toBe('Done')
})

test.each([
  ['binaries', 42, 'DOWNLOAD_BROKEN', 15],
  ['images', 1, 'IMAGES_NOT_LOADED', 30],
])('%s that goes on failing with %i is a failure after its limit: %s', async (step, exitCode, code, minutes) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail(step, { exitCode, log: 'failed: kubeadm\n' }, 1000)
  const began = lab.clock.monotonic()
  const { run } = await walk(lab, 'cp-1', oneByOne)
  expect(run.progress).toMatchObject({ phase: 'Failed', step, error: { code } })
  expect((lab.clock.monotonic() - began) / 60_000).toBeCloseTo(minutes, 0)
  expect(recordOf(lab, 'cp-1')).toMatchObject({ state: 'failed', failure: { code, step, count: 1 } })
})

test('a checksum that is wrong three times is not tried a fourth time', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', { exitCode: 44, log: 'failed: kubeadm\n' }, 9)
  await walk(lab, 'cp-1')
  expect(lab.machine('cp-1').units.starts).toHaveLength(3)
})

test('an error is described by what the latest run of its unit wrote', async () => {
  const lab = startQuickLab('cp-1')
  const { units } = lab.machine('cp-1')
  units.fail('binaries', { exitCode: 42, log: 'failed: kubeadm\n' })
  units.fail('binaries', { exitCode: 41, log: 'failed: kubectl\n' })
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress.error).toMatchObject({ code: 'DOWNLOAD_NOT_FOUND', values: { what: 'kubectl' } })
})

test('too little space is waited for, and changes nothing but the record', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').freeMiB = 1000
  const before = lab.machine('cp-1').snapshot()
  const { run, reports } = await walk(lab, 'cp-1')
  expect(reports).toEqual([observingMessage, 'preflight: SPACE_SHORT', 'preflight: SPACE_SHORT'])
  expect(run.progress).toMatchObject({ phase: 'Failed', step: 'preflight', error: { code: 'SPACE_SHORT' } })
  const machine = lab.machine('cp-1')
  machine.removeDirectory(state)
  expect(machine.snapshot()).toEqual(before)
})

test('the walk goes on when space is made', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').freeMiB = 1000
  lab.clock.after(60, () => {
    lab.machine('cp-1').freeMiB = 5000
  })
  expect((await walk(lab, 'cp-1')).run.progress.phase).toBe('Done')
})

const fullDisk = 'write error: No space left on device\n'

test.each([
  ['whose containerd does not start', 'images', 'containerd does not answer\n', 'image-archive: IMAGES_NOT_LOADED'],
  ['that finds the disk full', 'images', fullDisk, 'image-archive: DISK_FULL'],
  ['that finds no space even for a reason', 'images', '', 'image-archive: DISK_FULL'],
  ['whose programs cannot be read', 'bin', 'cp: Input/output error\n', 'binaries: BINARIES_NOT_COPIED'],
  ['that finds the disk full before the programs', 'bin', fullDisk, 'binaries: DISK_FULL'],
  ['that finds no space for a reason before the programs', 'bin', '', 'binaries: DISK_FULL'],
] as const)('a node image %s is tried again', async (_, what, reason, report) => {
  const lab = startQuickLab('cp-1')
  const good = lab.fake.helpers.images.get(`kindest/node:${target}`)
  lab.fake.helpers.images.set(`kindest/node:${target}`, (_argv, { machine }, end) => {
    machine?.files.set(`${state}/work/${what}.failed`, reason)
    if (good) lab.fake.helpers.images.set(`kindest/node:${target}`, good)
    end()
  })
  const { run, reports } = await walk(lab, 'cp-1', {
    sources: { binaries: what === 'bin' ? 'node-image' : 'download' },
  })
  expect(run.progress.phase).toBe('Done')
  expect(reports).toContain(report)
  expect(lab.fake.helpers.starts).toHaveLength(what === 'bin' ? 3 : 2)
})

test('a manifest that kubeadm left out is put back from its newest backup', async () => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  const image = machine.manifests['kube-apiserver'] ?? ''
  machine.removeManifest('kube-apiserver')
  for (const [date, content] of [
    ['2024', 'older'],
    ['2025', image],
  ] as const) {
    machine.files.set(`/etc/kubernetes/tmp/kubeadm-backup-manifests-${date}/kube-apiserver.yaml`, content)
  }
  const { run, reports } = await walk(lab, 'cp-1')
  expect(reports).toContain('manifests: the manifest of kube-apiserver')
  expect(machine.effects).toContain('put back the manifest of kube-apiserver')
  expect(run.progress.phase).toBe('Done')
})

test.each([
  ['kubeadm', 'one-by-one'],
  ['render', 'together'],
])('a manifest that goes missing just before %s is put back, too', async (step, exchange) => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  const image = machine.manifests['kube-apiserver'] ?? ''
  machine.files.set('/etc/kubernetes/tmp/kubeadm-backup-manifests-1/kube-apiserver.yaml', image)
  lab.fake.helpers.images.set(`kindest/node:${target}`, (argv, at, end) => {
    machine.removeManifest('kube-apiserver')
    nodeImage(lab.clock, target)(argv, at, end)
  })
  const { run, reports } = await walk(lab, 'cp-1', { settings: { exchange } })
  expect(reports).toContain(`${step}: MANIFESTS_INCOMPLETE`)
  expect(run.progress.phase).toBe('Done')
})
