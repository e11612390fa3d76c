import { expect, test } from 'vitest'
import { observingMessage } from '../../src/upgrade/progress.ts'
import { type Lab, putAtTarget, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { imagesOf, old, target } from '../fake-docker/release.ts'
import { renameContainers } from './steps/look.ts'
import { recordFile, state, walk } from './walk.ts'

const labs: [string, () => Lab][] = [
  ['cp-1', () => startQuickLab('cp-1')],
  ['w-1', () => startWorkersLab('w-1')],
]

test.each(labs)('nothing is done on %s when it is at the target', async (name, start) => {
  const lab = start()
  const machine = putAtTarget(lab, name)
  const before = machine.snapshot()
  const { run, messages } = await walk(lab, name)
  expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
  expect(messages).toEqual([observingMessage, `at ${target}`])
  expect(machine.snapshot()).toEqual(before)
  expect(machine.effects).toEqual([])
})

// As kind v0.33 makes node images: the images of Kubernetes also have the architecture in a name and names of their import,
// and the only pause image is containerd's.
test.each(labs)('nothing is done on %s when a released node image of the target made it', async (name, start) => {
  const lab = start()
  const machine = putAtTarget(lab, name)
  for (const image of imagesOf(old)) machine.images.delete(image)
  for (const digest of [...machine.images.values()]) machine.images.set(`import-2026-11-27@${digest}`, digest)
  for (const image of machine.images.keys()) if (image.includes('/pause:')) machine.images.delete(image)
  renameContainers(machine, (image) => image.replace(/(\/kube-.*)(?=:v)/, '$1-amd64'))
  const before = machine.snapshot()
  const { run, messages } = await walk(lab, name)
  expect(run.progress).toMatchObject({ phase: 'Done' })
  expect(messages).toEqual([observingMessage, `at ${target}`])
  expect(machine.snapshot()).toEqual(before)
  expect([...machine.effects, ...lab.fake.helpers.starts]).toEqual([])
})

test.each(labs)('nothing more is done on %s when it is requested again after its upgrade', async (name, start) => {
  const lab = start()
  await walk(lab, name)
  const before = lab.machine(name).snapshot()
  const { run } = await walk(lab, name)
  expect(run.progress.phase).toBe('Done')
  expect(lab.machine(name).snapshot()).toEqual(before)
  expect(lab.fake.helpers.starts).toHaveLength(1)
})

// The other replica has tidied up, and then the Node is not Ready for a moment.
test.each(labs)('%s is not upgraded once more by a process that is late with the last steps', async (name, start) => {
  const lab = start()
  await walk(lab, name)
  const machine = lab.machine(name)
  const record = JSON.parse(machine.files.get(recordFile) ?? '')
  const since = { bootId: record.requested.bootId, uptime: machine.uptime }
  machine.files.set(recordFile, `${JSON.stringify({ ...record, state: 'open', step: { name: 'tidy', since } })}\n`)
  const starts = [...machine.units.starts]
  const node = lab.cluster.nodes.get(name)
  Object.assign(node ?? {}, { ready: false })
  lab.clock.after(30, () => Object.assign(node ?? {}, { ready: true }))
  const { run } = await walk(lab, name)
  expect(run.progress.phase).toBe('Done')
  expect(machine.units.starts).toEqual(starts)
})

test.each(labs)('what %s still has lying about at the target is tidied up, and nothing else', async (name, start) => {
  const lab = start()
  const machine = putAtTarget(lab, name)
  machine.files.set(`${state}/work/bin/kubeadm`, target)
  const { kubelet, containers } = machine.snapshot() as typeof machine
  await walk(lab, name)
  expect(machine.effects.filter((effect) => !effect.startsWith('note '))).toEqual(['tidy'])
  expect(machine.isDirectory(`${state}/work`)).toBe(false)
  expect(machine.snapshot()).toMatchObject({ kubelet, containers, starts: [] })
})

test.each<[string, string, string, string]>([
  ['cp-1', 'down a patch', 'v1.34.3', 'MACHINE_NEWER'],
  ['cp-1', 'down a minor', 'v1.33.9', 'MACHINE_NEWER'],
  ['cp-1', 'to a pre-release of what it runs', 'v1.34.4-rc.1', 'MACHINE_NEWER'],
  ['cp-1', 'two minors up', 'v1.36.0', 'MACHINE_TOO_OLD'],
  ['w-1', 'down a patch', 'v1.34.3', 'MACHINE_NEWER'],
  ['w-1', 'down a minor', 'v1.33.9', 'MACHINE_NEWER'],
])('%s does not go %s: no file is written, not even a record', async (name, _way, version, code) => {
  const lab = startQuickLab('cp-1', 'w-1')
  const before = lab.machine(name).snapshot()
  const { run } = await walk(lab, name, { version })
  expect(run.progress.phase).toBe('Failed')
  expect(run.progress.error?.code).toBe(code)
  expect(lab.machine(name).snapshot()).toEqual(before)
  expect(lab.machine(name).effects).toEqual([])
})

test('a machine that was upgraded by hand, with a static pod of the user, is done', async () => {
  const lab = startQuickLab('cp-1')
  const machine = putAtTarget(lab, 'cp-1')
  machine.setManifest('kube-vip', 'ghcr.io/kube-vip/kube-vip:v1.0.1')
  machine.runContainer('ghcr.io/kube-vip/kube-vip:v1.0.1')
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress).toMatchObject({ phase: 'Done' })
  expect(machine.effects).toEqual([])
})

// Files are then all that is left to do, whatever the user's own static pods are at.
test('a machine at the target with a static pod of the user keeps its programs when its files change', async () => {
  const lab = startQuickLab('cp-1')
  const machine = putAtTarget(lab, 'cp-1')
  machine.setManifest('kube-vip', 'ghcr.io/kube-vip/kube-vip:v1.0.1')
  Object.assign(machine, { mirrorPods: 'not ready' })
  lab.clock.after(30, () => Object.assign(machine, { mirrorPods: 'ready' }))
  const { run } = await walk(lab, 'cp-1', { files: [{ path: '/etc/motd', content: 'hello' }] })
  expect(run.progress).toMatchObject({ phase: 'Done' })
  expect(machine.units.starts).toEqual([])
  expect(machine.effects).toContain('write /etc/motd')
})

// A kubeadm to another version was killed between its two renames, and then the machine's own version is requested again.
test('a machine whose etcd has lost its manifest is not at its version, whatever else runs there', async () => {
  const lab = startQuickLab('cp-1')
  const machine = putAtTarget(lab, 'cp-1')
  const image = machine.manifests.etcd ?? ''
  machine.files.set('/etc/kubernetes/tmp/kubeadm-backup-manifests-1/etcd.yaml', image)
  machine.removeManifest('etcd')
  const { run } = await walk(lab, 'cp-1', { files: [{ path: '/etc/motd', content: 'hello' }] })
  expect(run.progress).toMatchObject({ phase: 'Done' })
  expect(machine.effects).toContain('put back the manifest of etcd')
  expect(machine.manifests.etcd).toBe(image)
})
