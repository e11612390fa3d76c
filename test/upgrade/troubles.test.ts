import { expect, test } from 'vitest'
import { type Lab, startQuickLab } from '../fake-docker/lab.ts'
import { nodeImage } from '../fake-docker/node-image.ts'
import { target } from '../fake-docker/release.ts'
import { walk } from './walk.ts'

// Trouble that passes: the walk goes on by itself, and meanwhile the message names it.
const troubles: [code: string, said: string, provoke: (lab: Lab) => void, limit: string][] = [
  [
    'DOWNLOAD_BROKEN',
    'step 3 of 11, fetching kubeadm, kubelet and kubectl: The download of kubelet was cut off or did not start.',
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 42, log: 'failed: kubelet\n' }, 2),
    'binaries',
  ],
  [
    'DOWNLOAD_STALLED',
    'step 3 of 11, fetching kubeadm, kubelet and kubectl: The download of kubelet stalled.',
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 43, log: 'failed: kubelet\n' }, 2),
    'binaries',
  ],
  [
    'CHECKSUM_WRONG',
    'step 3 of 11, fetching kubeadm, kubelet and kubectl: The download of kubeadm does not have the checksum that the server publishes.',
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 44, log: 'failed: kubeadm\n' }, 2),
    'binaries',
  ],
  [
    'UNIT_FAILED',
    `step 3 of 11, fetching kubeadm, kubelet and kubectl: The unit capd-kubeadm-upgrader-binaries failed in the machine.`,
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 2, log: 'sh: syntax error\n' }, 2),
    'binaries',
  ],
  [
    'DISK_FULL',
    'step 3 of 11, fetching kubeadm, kubelet and kubectl: A disk of the machine is full.',
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 48, log: 'failed: kubelet\n' }, 2),
    'binaries',
  ],
  [
    'DISK_FULL',
    'step 7 of 11, running kubeadm upgrade node: A disk of the machine is full.',
    ({ machine }) => {
      const log = "cp: error writing '/etc/kubernetes/kubelet.conf.new': No space left on device"
      machine('cp-1').units.fail('kubeadm', { exitCode: 1, log }, 2)
    },
    'kubeadm',
  ],
  [
    'IMAGES_NOT_LOADED',
    'step 6 of 11, bringing in the Kubernetes images: The Kubernetes images could not be brought into the machine.',
    ({ machine }) => machine('cp-1').units.fail('images', { exitCode: 1, log: 'ctr: no space left\n' }, 2),
    'images',
  ],
  [
    'KUBEADM_FORBIDDEN',
    "step 7 of 11, running kubeadm upgrade node: kubeadm may not read the cluster's configuration yet.",
    ({ machine }) => {
      const log = 'error: configmaps "kubelet-config" is forbidden: User "system:node:w-1" cannot get resource'
      machine('cp-1').units.fail('kubeadm', { exitCode: 1, log }, 2)
    },
    'kubeadm',
  ],
  [
    'UNIT_FAILED',
    `step 9 of 11, putting the new kubelet in place: The unit capd-kubeadm-upgrader-kubelet failed in the machine.`,
    ({ machine }) => machine('cp-1').units.fail('kubelet', { exitCode: 1, log: 'cp: no space left\n' }, 2),
    'kubelet',
  ],
]

test.each(troubles)('%s may pass: %s', async (code, said, provoke, step) => {
  const lab = startQuickLab('cp-1')
  provoke(lab)
  const { run, messages } = await walk(lab, 'cp-1')
  expect(run.progress.phase).toBe('Done')
  expect(messages).toContain(`${said} (${code})`)
  const notes = lab.machine('cp-1').effects.filter((effect) => effect.startsWith(`note ${step} `))
  expect(notes).toEqual([
    `note ${step} start`,
    `note ${step} retry ${code}`,
    `note ${step} retry ${code}`,
    `note ${step} done`,
  ])
  const starts = lab.machine('cp-1').units.starts.filter((unit) => unit.endsWith(`-${step}`))
  expect(starts).toHaveLength(3)
})

test.each([
  ['binaries', 42, 'the download', 15],
  ['images', 1, 'the images', 30],
])('%s that goes on failing with %i is a failure after its limit', async (step, exitCode, what, minutes) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail(step, { exitCode, log: 'failed: kubeadm\n' }, 1000)
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress).toMatchObject({
    phase: 'Failed',
    step,
    message: `The step "${step}" did not finish within ${minutes} min, waiting for ${what}. (STEP_TIME_LIMIT)`,
  })
  expect(lab.machine('cp-1').effects).toContain(`note ${step} failed STEP_TIME_LIMIT`)
  expect(lab.machine('cp-1').units.names).not.toContain(`capd-kubeadm-upgrader-${step}`)
})

test('a checksum that is wrong three times is not tried a fourth time', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('binaries', { exitCode: 44, log: 'failed: kubeadm\n' }, 9)
  await walk(lab, 'cp-1')
  expect(lab.machine('cp-1').units.starts).toHaveLength(3)
})

test('an error is told by what the latest run of its unit wrote', async () => {
  const lab = startQuickLab('cp-1')
  const { units } = lab.machine('cp-1')
  units.fail('binaries', { exitCode: 42, log: 'failed: kubeadm\n' })
  units.fail('binaries', { exitCode: 41, log: 'failed: kubectl\n' })
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress.message).toBe('The download server has no kubectl. (DOWNLOAD_NOT_FOUND)')
})

test('too little space is waited for, and changes nothing', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').freeMiB = 1000
  const before = lab.machine('cp-1').snapshot()
  const { run, messages } = await walk(lab, 'cp-1')
  expect(messages[1]).toMatch(
    /^step 1 of 11, checking the machine: There is too little free space in \/var\/lib\/capd-kubeadm-upgrader: \d+ MiB are needed. \(SPACE_SHORT\)$/,
  )
  expect(run.progress.phase).toBe('Failed')
  expect(run.progress.error?.code).toBe('SPACE_SHORT')
  expect(lab.machine('cp-1').snapshot()).toEqual(before)
})

test('the walk goes on when space is made', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').freeMiB = 1000
  lab.clock.after(60, () => {
    lab.machine('cp-1').freeMiB = 5000
  })
  expect((await walk(lab, 'cp-1')).run.progress.phase).toBe('Done')
})

test.each([
  ['whose containerd does not start', 'containerd does not answer\n', 'IMAGES_NOT_LOADED'],
  ['that finds the disk full', 'ctr: write images.tar.new: no space left on device\n', 'DISK_FULL'],
  ['that finds no space even for a reason', '', 'DISK_FULL'],
])('a node image %s is tried again', async (_, reason, code) => {
  const lab = startQuickLab('cp-1')
  const good = lab.fake.helpers.images.get(`kindest/node:${target}`)
  lab.fake.helpers.images.set(`kindest/node:${target}`, (_argv, { machine }, end) => {
    machine?.files.set(`/var/lib/capd-kubeadm-upgrader/${target}/images.failed`, reason)
    if (good) lab.fake.helpers.images.set(`kindest/node:${target}`, good)
    end()
  })
  const { run, messages } = await walk(lab, 'cp-1')
  expect(run.progress.phase).toBe('Done')
  expect(messages.filter((message) => message.endsWith(`(${code})`))).toHaveLength(1)
  expect(lab.fake.helpers.starts).toHaveLength(2)
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
  const { run, messages } = await walk(lab, 'cp-1')
  expect(messages).toContain('step 2 of 11, checking the static pods: waiting for the manifest of kube-apiserver')
  expect(machine.effects).toContain('put back the manifest of kube-apiserver')
  expect(run.progress.phase).toBe('Done')
})

test('a manifest that goes missing just before kubeadm is put back, too', async () => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  const image = machine.manifests['kube-apiserver'] ?? ''
  machine.files.set('/etc/kubernetes/tmp/kubeadm-backup-manifests-1/kube-apiserver.yaml', image)
  lab.fake.helpers.images.set(`kindest/node:${target}`, (argv, at, end) => {
    machine.removeManifest('kube-apiserver')
    nodeImage(lab.clock, target)(argv, at, end)
  })
  const { run, messages } = await walk(lab, 'cp-1')
  expect(messages).toContain(
    'step 7 of 11, running kubeadm upgrade node: Static pod manifests are missing. (MANIFESTS_INCOMPLETE)',
  )
  expect(run.progress.phase).toBe('Done')
})
