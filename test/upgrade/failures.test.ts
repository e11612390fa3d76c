import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { nodeImage } from '../fake-docker/node-image.ts'
import { imagesOf, old, staticPodsOf, target } from '../fake-docker/release.ts'
import { oneByOne, recordOf, state, walk, when } from './walk.ts'

const imageList = readFileSync(new URL('../../src/upgrade/steps/image-list.sh', import.meta.url), 'utf8')

const kubeadmError = '[ERROR ImagePull]: failed to pull image registry.k8s.io/etcd:3.6.6-0: not found'
const kubeadmLog = ['[preflight] Running checks', '\tsome words of it', ` \t${kubeadmError}`, 'error: more'].join('\n')

type Failure = [code: string, message: string, provoke: (lab: Lab) => void]

// The node image's programs, but for this one.
const withProgram = (name: string, version: string | undefined) => {
  const { [name]: _, ...others } = { kubeadm: target, kubelet: target, kubectl: target } as Record<string, string>
  return { programs: { ...others, ...(version === undefined ? {} : { [name]: version }) } }
}

// What goes wrong where the programs are to come from the node image.
const ofNodeImage: Failure[] = [
  [
    'IMAGE_BINARY_UNUSABLE',
    `The kubelet of the image kindest/node:${target} does not run in the machine or is of another version.`,
    ({ fake, clock }) => {
      fake.helpers.images.set(`kindest/node:${target}`, nodeImage(clock, target, withProgram('kubelet', 'v1.35.3')))
    },
  ],
  [
    'IMAGE_SOURCE_LACKS',
    `The image kindest/node:${target} does not hold /usr/bin/kubectl.`,
    ({ fake, clock }) => {
      fake.helpers.images.set(`kindest/node:${target}`, nodeImage(clock, target, withProgram('kubectl', undefined)))
    },
  ],
  [
    'IMAGE_SOURCE_MISSING',
    `The engine has no image kindest/node:${target} to take Kubernetes from.`,
    ({ fake }) => fake.helpers.images.clear(),
  ],
  [
    'VAR_VOLUME_MISSING',
    'The container cp-1 has no volume at /var, which CAPD and kind give their machines.',
    ({ fake }) => fake.container('cp-1').mounts.pop(),
  ],
]

// What goes wrong on a control plane machine, once or permanently, and what is reported.
const failures: Failure[] = [
  [
    'DOWNLOAD_NOT_FOUND',
    'The download server has no kubeadm.sha256.',
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 41, log: 'failed: kubeadm.sha256\n' }),
  ],
  [
    'CHECKSUM_WRONG',
    'The download of kubelet does not have the checksum that the server publishes.',
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 44, log: 'failed: kubelet\n' }, 3),
  ],
  [
    'BINARY_UNUSABLE',
    'The downloaded kubectl does not run in the machine or is of another version.',
    ({ machine }) => machine('cp-1').units.fail('binaries', { exitCode: 45, log: 'failed: kubectl\n' }),
  ],
  [
    'IMAGE_SOURCE_MISSING',
    `The engine has no image kindest/node:${target} to take Kubernetes from.`,
    ({ fake }) => fake.helpers.images.clear(),
  ],
  [
    'IMAGE_SOURCE_LACKS',
    `The image kindest/node:${target} does not hold registry.k8s.io/kube-scheduler:${target}.`,
    ({ fake, clock }) => {
      const images = imagesOf(target).filter((image) => !image.includes('scheduler'))
      fake.helpers.images.set(`kindest/node:${target}`, nodeImage(clock, target, { images }))
    },
  ],
  [
    'VAR_VOLUME_MISSING',
    'The container cp-1 has no volume at /var, which CAPD and kind give their machines.',
    ({ fake }) => fake.container('cp-1').mounts.pop(),
  ],
  [
    'KUBEADM_FAILED',
    `kubeadm upgrade node failed: ${kubeadmError}`,
    ({ machine }) => machine('cp-1').units.fail('prepare', { exitCode: 1, log: kubeadmLog }),
  ],
  [
    'KUBEADM_CONFIG_REFUSED',
    'kubeadm does not accept the cluster\'s configuration: strict decoding error: unknown field "fields"',
    ({ cluster }) => {
      cluster.refusal = 'strict decoding error: unknown field "fields"'
    },
  ],
  [
    'MANIFEST_MISSING',
    'The static pod manifest of kube-scheduler is missing, and kubeadm has no backup of it.',
    ({ machine }) => machine('cp-1').removeManifest('kube-scheduler'),
  ],
  [
    'MACHINE_NEWER',
    `The machine already runs v1.35.5, newer than ${target}.`,
    ({ machine }) => machine('cp-1').setManifest('kube-apiserver', 'registry.k8s.io/kube-apiserver:v1.35.5'),
  ],
  [
    'MACHINE_TOO_OLD',
    `The machine runs v1.33.9, more than one minor version behind ${target}.`,
    ({ machine }) => machine('cp-1').setManifest('kube-apiserver', 'registry.k8s.io/kube-apiserver:v1.33.9'),
  ],
]

test.each([
  ...failures.map((failure) => [...failure, 'download'] as const),
  ...ofNodeImage.map((failure) => [...failure, 'node-image'] as const),
])('%s needs a person: %s', async (code, message, provoke, binaries) => {
  const lab = startQuickLab('cp-1')
  provoke(lab)
  const { run } = await walk(lab, 'cp-1', { sources: { binaries } })
  if (binaries === 'node-image')
    expect(run.progress.step).toBe(code === 'IMAGE_SOURCE_MISSING' ? 'node-image' : 'binaries')
  expect(run.progress).toMatchObject({
    phase: 'Failed',
    message: `${message} (${code})`,
    retryAfterSeconds: 0,
  })
  expect(run.progress.error?.code).toBe(code)
  // The machine rests as it was.
  const { kubelet, manifests, files } = lab.machine('cp-1')
  expect(kubelet).toMatchObject({ version: old, healthy: true, pid: 700 })
  expect(files.get('/usr/bin/kubelet')).toBe(old)
  expect(manifests.etcd).toBe(staticPodsOf(old).etcd)
})

test.each([
  ['error execution phase preflight: x\nto see the stack trace', 'error execution phase preflight: x'],
  ['[upgrade] all is well\n', 'kubeadm gave no reason'],
  [`error: ${'x'.repeat(500)}`, `error: ${'x'.repeat(293)}`],
])('kubeadm that says %j failed because: %s', async (log, cause) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.fail('prepare', { exitCode: 1, log })
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress.error).toMatchObject({ code: 'KUBEADM_FAILED', values: { cause } })
  expect(run.progress.error?.detail?.trim()).toBe(log.trim())
})

test.each(['cp-1', 'w-1'])('no command line, message or record of %s holds the configuration', async (name) => {
  const secret = 'oidc-client-secret-value'
  const lab = name === 'w-1' ? startWorkersLab(name) : startQuickLab(name)
  const machine = lab.machine(name)
  const configuration = `${lab.cluster.clusterConfiguration}apiServer: {extraArgs: [{name: a, value: ${secret}}]}\n`
  Object.defineProperty(lab.cluster, 'clusterConfiguration', { get: () => configuration })
  const exec: Engine['exec'] = async (container, argv, options) => {
    const result = await lab.engine.exec(container, argv, options)
    if (!argv.includes(imageList)) return result
    expect(options?.input).toContain(secret)
    return { exitCode: 1, stdout: '', stderr: 'kubeadm: not found' }
  }
  const { run, messages, reports } = await walk(lab, name, { engine: { ...lab.engine, exec } })
  expect(reports).toContain('image-list: EXEC_FAILED')
  const seen = JSON.stringify([messages, run.progress, machine.commands, recordOf(lab, name)])
  expect(seen.includes(secret)).toBe(false)
})

test('a kubelet that does not come up gives way to the one from before', async () => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  machine.brokenKubelets.add(target)
  const { run } = await walk(lab, 'cp-1', oneByOne)
  expect(run.progress).toMatchObject({ phase: 'Failed', step: 'kubelet', error: { code: 'KUBELET_NOT_UP' } })
  // The static pods stay at the target, the kubelet is the old one.
  lab.clock.pass(10)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
  for (const program of ['kubeadm', 'kubelet', 'kubectl']) expect(machine.files.get(`/usr/bin/${program}`)).toBe(old)
  expect(machine.manifests['kube-apiserver']).toBe(`registry.k8s.io/kube-apiserver:${target}`)
  expect(machine.units.running).toEqual([])
})

// The limit can pass at any moment, also while a command is under way.
test.each([
  0, 0.3, 0.7, 1.1, 1.7, 2.3,
])('a kubelet whose unit goes on failing gives way, too, where each command takes %f s', async (seconds) => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  const exec: Engine['exec'] = async (...command) => {
    lab.clock.pass(seconds)
    return lab.engine.exec(...command)
  }
  // As when the checks before its start fail: systemctl restart reports it, after the programs were changed.
  machine.units.fail('kubelet', { exitCode: 1, log: 'Job for kubelet.service failed\n' }, 1000)
  when(lab, 'w-1', 'start unit kubelet', () => {
    for (const program of ['kubeadm', 'kubelet', 'kubectl']) {
      machine.files.set(`${state}/work/previous/${program}`, old)
    }
  })
  const { run } = await walk(lab, 'w-1', { engine: { ...lab.engine, exec } })
  expect(run.progress.error?.code).toBe('KUBELET_NOT_UP')
  expect(machine.effects).toContain('put the previous kubelet back')
})
