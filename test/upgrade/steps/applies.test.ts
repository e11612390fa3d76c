import { expect, test } from 'vitest'
import { binaries } from '../../../src/upgrade/steps/binaries.ts'
import { imageArchive } from '../../../src/upgrade/steps/image-archive.ts'
import { images } from '../../../src/upgrade/steps/images.ts'
import { kubeadm } from '../../../src/upgrade/steps/kubeadm.ts'
import { kubelet } from '../../../src/upgrade/steps/kubelet.ts'
import { manifests } from '../../../src/upgrade/steps/manifests.ts'
import { preflight } from '../../../src/upgrade/steps/preflight.ts'
import { startQuickLab } from '../../fake-docker/lab.ts'
import { digestOf, imagesOf, target } from '../../fake-docker/release.ts'
import { contextOf } from '../walk.ts'
import { serverOf } from './look.ts'

const work = `/var/lib/capd-kubeadm-upgrader/${target}`

test('static pods are left alone while kubeadm changes them', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.hold('kubeadm')
  await kubeadm.apply?.(contextOf(lab, 'cp-1'))
  lab.machine('cp-1').removeManifest('kube-apiserver')
  expect(await manifests.done(contextOf(lab, 'cp-1'))).toBe('done')
})

test('preflight does not ask for space again once the download is there', async () => {
  const lab = startQuickLab('w-1')
  lab.machine('w-1').freeMiB = 1
  await expect(preflight.done(contextOf(lab, 'w-1'))).rejects.toMatchObject({ code: 'SPACE_SHORT' })
  lab.machine('w-1').files.set(`${work}/bin/kubeadm`, target)
  expect(await preflight.done(contextOf(lab, 'w-1'))).toBe('done')
})

test('preflight goes on where no kubelet runs to tell its version', async () => {
  const lab = startQuickLab('w-1')
  Object.assign(lab.machine('w-1').kubelet, { pid: 0, version: '' })
  expect(await preflight.done(contextOf(lab, 'w-1'))).toBe('done')
})

test.each([imageArchive, images])('$name is done when no image is missing', async (step) => {
  const lab = startQuickLab('cp-1')
  const { files, images: there } = lab.machine('cp-1')
  files.set(`${work}/bin/kubeadm`, target)
  for (const image of imagesOf(target)) there.set(image, digestOf(image))
  expect(await step.done(contextOf(lab, 'cp-1'))).toBe('done')
  there.delete(`registry.k8s.io/kube-scheduler:${target}`)
  expect(await step.done(contextOf(lab, 'cp-1'))).not.toBe('done')
})

test('images are not taken for present while the API server does not say which are needed', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').files.set(`${work}/bin/kubeadm`, target)
  const seen = await images.done(contextOf(lab, 'cp-1'))
  Object.assign(serverOf(lab, 'cp-1'), { answers: false })
  // They were read a moment ago.
  expect(await images.done(contextOf(lab, 'cp-1'))).toEqual(seen)
})

test('the archive holds just what is missing', async () => {
  const lab = startQuickLab('cp-1')
  const { files, images: there } = lab.machine('cp-1')
  files.set(`${work}/bin/kubeadm`, target)
  const missing = [`registry.k8s.io/kube-scheduler:${target}`, `registry.k8s.io/kube-proxy:${target}`]
  for (const image of imagesOf(target)) if (!missing.includes(image)) there.set(image, digestOf(image))
  await imageArchive.apply?.(contextOf(lab, 'cp-1'))
  lab.clock.pass(60)
  expect(files.get(`${work}/images.tar`)?.split('\n').sort()).toEqual(missing.sort())
})

test('every {version} in the name of the node image is replaced', async () => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').files.set(`${work}/bin/kubeadm`, target)
  const context = contextOf(lab, 'cp-1')
  const sources = { ...context.sources, nodeImage: 'registry/{version}/node:{version}' }
  const error = { code: 'IMAGE_SOURCE_MISSING', values: { image: `registry/${target}/node:${target}` } }
  await expect(imageArchive.apply?.({ ...context, sources })).rejects.toMatchObject(error)
})

test.each([binaries, images, kubeadm, kubelet])('$name is not started while it is under way', async (step) => {
  const lab = startQuickLab('cp-1')
  lab.machine('cp-1').units.hold(step.name)
  await step.apply?.(contextOf(lab, 'cp-1'))
  await step.apply?.(contextOf(lab, 'cp-1'))
  lab.clock.pass(100)
  await step.apply?.(contextOf(lab, 'cp-1'))
  expect(lab.machine('cp-1').units.starts).toEqual([`capd-kubeadm-upgrader-${step.name}`])
})

test.each([
  ['v1.30.4', false],
  ['v1.31.0', true],
])('kubeadm %s gets an UpgradeConfiguration: %j', async (version, given) => {
  const lab = startQuickLab('w-1')
  await kubeadm.apply?.({ ...contextOf(lab, 'w-1'), target: version })
  lab.clock.pass(100)
  const ran = lab.cluster.story.find((line) => line.includes('kubeadm upgrade node'))
  expect(ran).toBeDefined()
  expect(ran?.includes(`--config=/var/lib/capd-kubeadm-upgrader/${version}/upgrade.yaml`)).toBe(given)
})
