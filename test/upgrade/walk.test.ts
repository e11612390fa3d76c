import { expect, test } from 'vitest'
import { observingMessage } from '../../src/upgrade/progress.ts'
import { type Lab, putAtTarget, startLab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { imagesOf, target } from '../fake-docker/release.ts'
import { type Options, oneByOne, recordFile, recordOf, state, walk } from './walk.ts'

// A worker's turn is when its control plane is at the target.
function labFor(name: string): Lab {
  return name === 'w-1' ? startWorkersLab('w-1') : startQuickLab('cp-1')
}

test.each<[string, string, Options]>([
  ['control-plane', 'cp-1', oneByOne],
  ['worker', 'w-1', {}],
  ['control-plane-pull', 'cp-1', { ...oneByOne, sources: { images: 'pull' } }],
  ['worker-pull', 'w-1', { sources: { images: 'pull' } }],
  ['control-plane-node-image', 'cp-1', { sources: { binaries: 'node-image' } }],
  ['worker-node-image', 'w-1', { sources: { binaries: 'node-image' } }],
])('the walk of a %s machine is this story', async (story, name, options) => {
  // Through the real dockerode, as the service goes.
  const lab = await startLab('cp-1', 'w-1')
  if (name === 'w-1') putAtTarget(lab, 'cp-1')
  const { run } = await walk(lab, name, options)
  expect(run.progress).toEqual({ phase: 'Done', step: '', message: `at ${target}`, retryAfterSeconds: 0 })
  await expect(`${lab.cluster.story.join('\n')}\n`).toMatchFileSnapshot(`golden/${story}.txt`)
})

test.each([
  ['cp-1', 17, {}],
  ['cp-1', 13, oneByOne],
  ['w-1', 12, {}],
])('between its first look and its end a walk of %s counts steps up to %i', async (name, count, options) => {
  const lab = labFor(name)
  const { messages } = await walk(lab, name, options)
  expect(messages.at(0)).toBe(observingMessage)
  expect(messages.at(-1)).toBe(`at ${target}`)
  const steps = messages.slice(1, -1).map((message) => {
    const [, step, of] = /^step (\d+) of (\d+), [A-Za-z,' ]+: waiting for .+[^.]$/.exec(message) ?? []
    expect(of, message).toBe(String(count))
    return Number(step)
  })
  expect(steps).toEqual([...steps].sort((one, other) => one - other))
  expect(steps.length).toBeGreaterThan(4)
})

test.each(['cp-1', 'w-1'])('%s is at the target after its walk, and nothing is left but the record', async (name) => {
  const lab = labFor(name)
  await walk(lab, name)
  const { kubelet, files, units, manifests } = lab.machine(name)
  expect(kubelet).toMatchObject({ version: target, healthy: true, restarts: 0 })
  for (const program of ['kubeadm', 'kubelet', 'kubectl']) {
    expect(files.get(`/usr/bin/${program}`)).toBe(target)
  }
  if (name === 'cp-1') expect(manifests['kube-apiserver']).toBe(`registry.k8s.io/kube-apiserver:${target}`)
  expect(units.names).toEqual([])
  expect([...files.keys()].filter((path) => path.startsWith(`${state}/`))).toEqual([recordFile])
  expect(recordOf(lab, name)).toMatchObject({ state: 'done', step: null, failure: null, request: { target } })
  expect(lab.fake.containers.filter(({ machine }) => !machine)).toEqual([])
})

test('a control plane machine gets all of the images of the target', async () => {
  const lab = startQuickLab('cp-1')
  await walk(lab, 'cp-1')
  expect([...lab.machine('cp-1').images.keys()]).toEqual(expect.arrayContaining(imagesOf(target)))
})

test.each(['kcp', 'kubeadm'])('a worker gets the addons that may run on it, whoever moves them: %s', async (addons) => {
  const lab = startWorkersLab('w-1')
  const before = new Set(lab.machine('w-1').images.keys())
  await walk(lab, 'w-1', { settings: { addons } })
  const brought = [...lab.machine('w-1').images.keys()].filter((image) => !before.has(image))
  expect(brought.map((image) => image.replace(/^.*\/|:.*$/g, ''))).toEqual(['kube-proxy', 'coredns'])
})

test.each([
  ['kcp', true],
  ['kubeadm', false],
])('kubeadm leaves the addons alone when they are the work of %s: %j', async (addons, skipped) => {
  const lab = startQuickLab('cp-1')
  await walk(lab, 'cp-1', { settings: { addons } })
  // The first run leaves the control plane out, and the addons in any case.
  const kubeadm = lab.machine('cp-1').effects.findLast((effect) => effect.startsWith('kubeadm upgrade node'))
  expect(kubeadm?.includes('--skip-phases=addon')).toBe(skipped)
})

test("etcd's copies that kubeadm makes on the way are removed, and older ones are not", async () => {
  const lab = startQuickLab('cp-1')
  const { files } = lab.machine('cp-1')
  files.set('/etc/kubernetes/tmp/kubeadm-backup-etcd-2025/etcd', 'data')
  await walk(lab, 'cp-1')
  expect([...files.keys()].filter((path) => path.includes('backup-etcd'))).toEqual([
    '/etc/kubernetes/tmp/kubeadm-backup-etcd-2025/etcd',
  ])
})

test('two shell files are all that is ever run in a machine: one that looks and one that changes', async () => {
  const lab = startWorkersLab('w-1')
  await walk(lab, 'w-1')
  const names = (name: string) => new Set(lab.machine(name).commands.map(([, , , script]) => script))
  expect(names('w-1')).toEqual(new Set(['observe.sh', 'change.sh']))
  // The control plane of a worker is only looked at.
  expect(names('cp-1')).toEqual(new Set(['observe.sh']))
})

test('one by one, nothing in /usr/bin changes before the static pods run at the target', async () => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  const versions = new Set<string | undefined>()
  const restart = machine.restartKubelet.bind(machine)
  machine.restartKubelet = () => {
    versions.add(machine.apiServer?.version)
    expect(machine.apiServer?.ready).toBe(true)
    restart()
  }
  await walk(lab, 'cp-1', oneByOne)
  expect([...versions]).toEqual([target])
})

test.each([
  ['which its DaemonSet has brought', true],
  ['which no source has', false],
])('B15: a worker may go to a version that its control plane has passed, with a kube-proxy %s', async (_, isThere) => {
  const lab = startWorkersLab('w-1')
  const newer = 'v1.36.1'
  lab.cluster.kubeadmConfigVersion = newer
  Object.assign(lab.machine('cp-1').apiServer ?? {}, { version: newer })
  if (isThere) lab.machine('w-1').images.set(`registry.k8s.io/kube-proxy:${newer}`, 'sha256:1')
  const { run } = await walk(lab, 'w-1')
  expect(run.progress.phase).toBe('Done')
  expect(lab.machine('w-1').kubelet.version).toBe(target)
})

test('a worker that is several minors behind goes to the target in one step', async () => {
  const lab = startWorkersLab('w-1')
  const worker = lab.machine('w-1')
  worker.kubelet.version = 'v1.32.9'
  worker.files.set('/usr/bin/kubelet', 'v1.32.9')
  expect((await walk(lab, 'w-1')).run.progress.phase).toBe('Done')
})
