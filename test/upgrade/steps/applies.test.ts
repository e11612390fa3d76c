import { expect, test } from 'vitest'
import { change } from '../../../src/machine/change.ts'
import { machineOn } from '../../../src/machine/machine.ts'
import { observe } from '../../../src/machine/observe.ts'
import { type Action, type EndedUnit, type Step, unitNameOf } from '../../../src/upgrade/step.ts'
import { binaries } from '../../../src/upgrade/steps/binaries.ts'
import { imageArchive } from '../../../src/upgrade/steps/image-archive.ts'
import { imageList } from '../../../src/upgrade/steps/image-list.ts'
import { images } from '../../../src/upgrade/steps/images.ts'
import { kubeadm } from '../../../src/upgrade/steps/kubeadm.ts'
import { kubeadmConfig } from '../../../src/upgrade/steps/kubeadm-config.ts'
import { kubelet } from '../../../src/upgrade/steps/kubelet.ts'
import { manifests } from '../../../src/upgrade/steps/manifests.ts'
import { preflight } from '../../../src/upgrade/steps/preflight.ts'
import { tidy } from '../../../src/upgrade/steps/tidy.ts'
import { type Lab, startQuickLab } from '../../fake-docker/lab.ts'
import { digestOf, imagesOf, old, target } from '../../fake-docker/release.ts'
import { situationOf, usualSources } from '../walk.ts'
import { lookAt, serverOf, stage, work } from './look.ts'

async function actionOf(step: Step, lab: Lab, name: string, version = target): Promise<Action | undefined> {
  return step.action?.(await situationOf(lab, name, step, { version }))
}

// Starts the unit of a step, as a walk does.
async function startUnitOf(step: Step, lab: Lab, name: string): Promise<string> {
  const action = await actionOf(step, lab, name)
  if (action?.kind !== 'unit') throw new Error(`${step.name} starts no unit`)
  const host = machineOn(lab.engine, { name, cluster: 'lab', role: lab.machine(name).role })
  const { recordDigest: seen } = await observe(host, { sections: [] })
  const { script, args } = action
  const start = { kind: 'start', unit: unitNameOf(step), limitSeconds: 60, script, args } as const
  return (await change(host, { seen, record: undefined }, start)).kind
}

// The images that kubeadm lists for the target.
function stageList(lab: Lab, name: string): void {
  stage(lab, name, 'images.list', [...imagesOf(target), 'registry.k8s.io/pause:3.10.1', ''].join('\n'))
}

test('static pods are left alone while kubeadm changes them', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.hold('kubeadm')
  expect(await startUnitOf(kubeadm, lab, 'cp-1')).toBe('made')
  lab.machine('cp-1').removeManifest('kube-apiserver')
  expect(await lookAt(manifests, lab, 'cp-1')).toBe('done')
})

test('a missing manifest is put back, and nothing is done where none is missing', async () => {
  const lab = startQuickLab('cp-1')
  expect(await actionOf(manifests, lab, 'cp-1')).toBeUndefined()
  lab.machine('cp-1').removeManifest('kube-apiserver')
  expect(await actionOf(manifests, lab, 'cp-1')).toMatchObject({
    kind: 'run',
    script: { name: 'restore-manifests.sh' },
  })
})

test('MANIFEST_MISSING: a manifest without a backup is named', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').removeManifest('kube-apiserver')
  const action = await actionOf(manifests, lab, 'cp-1')
  if (action?.kind !== 'run') throw new Error('no script is run')
  expect(action.read?.('')).toBeUndefined()
  expect(action.read?.('etcd\n')).toMatchObject({ code: 'MANIFEST_MISSING', values: { name: 'etcd' } })
})

test('SPACE_SHORT: preflight looks at the space until the download is there', async () => {
  const lab = startQuickLab('w-1')
  lab.machine('w-1').freeMiB = 1
  await expect(lookAt(preflight, lab, 'w-1')).rejects.toMatchObject({ code: 'SPACE_SHORT' })
  stage(lab, 'w-1', 'bin/kubeadm', target, 'v1.36.3')
  await expect(lookAt(preflight, lab, 'w-1')).rejects.toMatchObject({ code: 'SPACE_SHORT' })
  stage(lab, 'w-1', 'bin/kubeadm', target)
  expect(await lookAt(preflight, lab, 'w-1')).toBe('done')
})

test("SPACE_SHORT: a control plane machine also needs room for kubeadm's copy of etcd's data", async () => {
  const lab = startQuickLab('cp-1', 'w-1')
  lab.machine('cp-1').freeMiB = 3 * (205 + 453)
  await expect(lookAt(preflight, lab, 'cp-1')).rejects.toMatchObject({
    code: 'SPACE_SHORT',
    values: { path: '/etc/kubernetes/tmp', need: String(3 * (205 + 453) + 100) },
  })
  lab.machine('cp-1').freeMiB += 100
  expect(await lookAt(preflight, lab, 'cp-1')).toBe('done')
})

test('preflight goes on where no kubelet runs that has a version', async () => {
  const lab = startQuickLab('w-1')
  Object.assign(lab.machine('w-1').kubelet, { pid: 0, version: '' })
  expect(await lookAt(preflight, lab, 'w-1')).toBe('done')
})

test.each([
  ['MACHINE_NEWER', 'w-1', 'v1.33.2'],
  ['MACHINE_TOO_OLD', 'cp-1', 'v1.36.0'],
  ['MACHINE_NEWER', 'cp-1', 'v1.34.3'],
])('%s: preflight on %s, to %s', async (code, name, version) => {
  const lab = startQuickLab('cp-1', 'w-1')
  const situation = await situationOf(lab, name, preflight, { version })
  expect(() => preflight.done(situation)).toThrow(expect.objectContaining({ code }))
})

test.each(['latest', 'v1', 'v0.0.0-master+$Format:%H$'])('RUNNING_VERSION: an API server that is %s', async (tag) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').setManifest('kube-apiserver', `registry.k8s.io/kube-apiserver:${tag}`)
  const situation = await situationOf(lab, 'cp-1', preflight)
  expect(() => preflight.done(situation)).toThrow(expect.objectContaining({ code: 'RUNNING_VERSION' }))
})

test("the version of a control plane machine is its API server's, with or without a digest after it", async () => {
  const lab = startQuickLab('cp-1')
  const image = `registry.k8s.io/kube-apiserver:${old}`
  lab.machine('cp-1').setManifest('kube-apiserver', `${image}@${digestOf(image)}`)
  expect(await lookAt(preflight, lab, 'cp-1')).toBe('done')
})

test.each([imageArchive, images])('$name is done when no image is missing', async (step) => {
  const lab = startQuickLab('cp-1')
  const { images: there } = lab.machine('cp-1')
  stageList(lab, 'cp-1')
  for (const image of imagesOf(target)) there.set(image, digestOf(image))
  expect(await lookAt(step, lab, 'cp-1')).toBe('done')
  there.delete(`registry.k8s.io/kube-scheduler:${target}`)
  expect(await lookAt(step, lab, 'cp-1')).not.toBe('done')
})

test.each([imageArchive, images])('$name is not done while containerd does not answer', async (step) => {
  const lab = startQuickLab('cp-1')
  stageList(lab, 'cp-1')
  lab.machine('cp-1').containerdAnswers = false
  await expect(lookAt(step, lab, 'cp-1')).rejects.toMatchObject({ code: 'CONTAINERD_AWAY', answer: 'progress' })
})

test('images are listed by the configuration of the cluster, and not while it cannot be read', async () => {
  const lab = startQuickLab('cp-1')
  expect(await lookAt(imageList, lab, 'cp-1')).not.toBe('done')
  expect(await actionOf(imageList, lab, 'cp-1')).toMatchObject({ kind: 'run', input: lab.cluster.clusterConfiguration })
  Object.assign(serverOf(lab, 'cp-1'), { answers: false })
  expect(await actionOf(imageList, lab, 'cp-1')).toBeUndefined()
  stageList(lab, 'cp-1')
  expect(await lookAt(imageList, lab, 'cp-1')).toBe('done')
})

test("another attempt's list of images is not this one's", async () => {
  const lab = startQuickLab('cp-1')
  stage(lab, 'cp-1', 'images.list', imagesOf(old).join('\n'), old)
  expect(await lookAt(imageList, lab, 'cp-1')).not.toBe('done')
})

test.each([
  ['refused error: unknown field\n', 'unknown field'],
  ['refused \n', 'it gave no reason'],
  [`refused ${'x'.repeat(1000)}\n`, 'x'.repeat(300)],
])('B12: KUBEADM_CONFIG_REFUSED: image-list.sh prints %j', async (printed, cause) => {
  const action = await actionOf(imageList, startQuickLab('cp-1'), 'cp-1')
  if (action?.kind !== 'run') throw new Error('no script is run')
  expect(action.read?.(printed)).toMatchObject({ code: 'KUBEADM_CONFIG_REFUSED', values: { cause } })
  expect(action.read?.('')).toBeUndefined()
})

test('the archive holds just what is missing', async () => {
  const lab = startQuickLab('cp-1')
  const { images: there } = lab.machine('cp-1')
  stageList(lab, 'cp-1')
  const missing = [`registry.k8s.io/kube-scheduler:${target}`, `registry.k8s.io/kube-proxy:${target}`]
  for (const image of imagesOf(target)) if (!missing.includes(image)) there.set(image, digestOf(image))
  const action = await actionOf(imageArchive, lab, 'cp-1')
  if (action?.kind !== 'helper') throw new Error('no helper is started')
  expect(action.argv.slice(4, 6)).toEqual([work.replace('/var/', '/machine/'), target])
  expect(action.argv.slice(6).sort()).toEqual(missing.sort())
})

test('what the helper could not do is removed and is an error', async () => {
  const lab = startQuickLab('cp-1')
  stageList(lab, 'cp-1')
  for (const [reason, code] of [
    ['lacks registry/b:1', 'IMAGE_SOURCE_LACKS'],
    ['ctr: no space left', 'IMAGES_NOT_LOADED'],
  ] as const) {
    stage(lab, 'cp-1', 'images.failed', `${reason}\n`)
    const action = await actionOf(imageArchive, lab, 'cp-1')
    if (action?.kind !== 'run') throw new Error('no script is run')
    expect(action.args).toEqual([`${work}/images.failed`])
    expect(action.read?.('')).toMatchObject({ code })
  }
})

test('VAR_VOLUME_MISSING: a machine without a volume at /var gets no helper', async () => {
  const lab = startQuickLab('cp-1')
  stageList(lab, 'cp-1')
  lab.fake.container('cp-1').mounts.length = 0
  await expect(actionOf(imageArchive, lab, 'cp-1')).rejects.toMatchObject({ code: 'VAR_VOLUME_MISSING' })
})

test('every {version} in the name of the node image is replaced', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').files.set(`${work}/bin/kubeadm`, target)
  const situation = await situationOf(lab, 'cp-1', imageArchive)
  const sources = { ...situation.sources, nodeImage: 'registry/{version}/node:{version}' }
  const action = imageArchive.action?.({ ...situation, sources, nodeImage: undefined })
  expect(action).toMatchObject({ kind: 'helper', image: `registry/${target}/node:${target}` })
})

test.each([binaries, images, kubeadm, kubelet])('$name is not started while it is under way', async (step) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.hold(step.name)
  expect(await startUnitOf(step, lab, 'cp-1')).toBe('made')
  expect(await startUnitOf(step, lab, 'cp-1')).toBe('busy')
  expect(await startUnitOf(binaries, lab, 'cp-1')).toBe('busy')
  expect(lab.machine('cp-1').units.starts).toEqual([`capd-kubeadm-upgrader-${step.name}`])
})

test.each([
  ['v1.30.4', false],
  ['v1.31.0', true],
])('kubeadm %s gets an UpgradeConfiguration: %j', async (version, given) => {
  const action = await actionOf(kubeadm, startQuickLab('w-1'), 'w-1', version)
  if (action?.kind !== 'unit') throw new Error('no unit is started')
  expect(action.args.includes(`--config=${work}/upgrade.yaml`)).toBe(given)
})

test.each([
  ['v1.34.5', []],
  ['v1.35.0', ['pod-infra-container-image']],
])('kubelet %s is started without the flags %j', async (version, flags) => {
  const action = await actionOf(kubelet, startQuickLab('w-1'), 'w-1', version)
  expect(action).toMatchObject({ kind: 'unit', args: [work, version, ...flags] })
})

test('kubeadm-config is not waited for while kubeadm works and no API server answers', async () => {
  const lab = startQuickLab('cp-1')
  const { apiServer, units } = lab.machine('cp-1')
  Object.assign(apiServer ?? {}, { answers: false })
  units.start('capd-kubeadm-upgrader-kubeadm', 'kubeadm', 60, () => ({ exitCode: 0, log: '' }))
  expect(kubeadmConfig.done(await situationOf(lab, 'cp-1', kubeadmConfig))).toBe('done')
})

test('a kubelet that runs the target is not put in place again, though its unit went with a restart', async () => {
  const lab = startQuickLab('w-1')
  Object.assign(lab.machine('w-1').kubelet, { version: target, healthy: false })
  expect(await actionOf(kubelet, lab, 'w-1')).toBeUndefined()
})

test('tidy takes all units of ours, whatever they are named after', async () => {
  const lab = startQuickLab('w-1')
  const names = ['capd-kubeadm-upgrader-binaries', 'capd-kubeadm-upgrader-from-another-version']
  for (const name of names) lab.machine('w-1').units.start(name, 'binaries', 60, () => ({ exitCode: 0, log: '' }))
  expect(await actionOf(tidy, lab, 'w-1')).toMatchObject({ kind: 'run', args: [work, 'w-1', ...names] })
})

const failed = (exitCode: number, log: string): EndedUnit => ({
  name: 'a-unit',
  state: 'failed',
  invocationId: 'run-1',
  result: 'exit-code',
  exitCode,
  log,
})

const explained: [Step, number, string, object][] = [
  [binaries, 41, 'failed: kubeadm\n', { code: 'DOWNLOAD_NOT_FOUND', values: { what: 'kubeadm' } }],
  [binaries, 42, 'failed: kubelet\n', { code: 'DOWNLOAD_BROKEN', values: { what: 'kubelet' } }],
  [binaries, 43, 'failed: kubectl.sha256\n', { code: 'DOWNLOAD_STALLED' }],
  [binaries, 44, 'failed: kubectl\n', { code: 'CHECKSUM_WRONG' }],
  [binaries, 45, 'failed: kubectl\n', { code: 'BINARY_UNUSABLE' }],
  [binaries, 15, '', { code: 'UNIT_FAILED', values: { unit: 'a-unit' } }],
  [images, 1, 'ctr: not found\n', { code: 'IMAGES_NOT_LOADED', detail: 'ctr: not found\n' }],
  [kubeadm, 46, '', { code: 'MANIFESTS_INCOMPLETE' }],
  [kubeadm, 47, '', { code: 'PATCHES_MISSING' }],
  [
    kubeadm,
    1,
    'error: configmaps "kubelet-config" is forbidden: x\n',
    { code: 'KUBEADM_FORBIDDEN', answer: 'progress' },
  ],
  [
    kubeadm,
    1,
    'W1\n\t[ERROR A]: b\nerror: c\n',
    { code: 'KUBEADM_FAILED', values: { cause: '[ERROR A]: b', unit: 'a-unit' } },
  ],
  [kubeadm, 1, 'words\n', { code: 'KUBEADM_FAILED', values: { cause: 'kubeadm gave no reason', unit: 'a-unit' } }],
  [kubelet, 1, 'words\n', { code: 'UNIT_FAILED', values: { unit: 'a-unit' } }],
]

test.each(
  explained.map(([step, ...row]) => [step.name, ...row, step] as const),
)('a unit of %s that ends with %i and logs %j is explained', (_, exitCode, log, error, step) => {
  expect(step.explain?.(failed(exitCode, log), { target, sources: usualSources })).toMatchObject(error)
})
