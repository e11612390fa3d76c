import { expect, test } from 'vitest'
import { readFacts } from '../../src/machine/facts.ts'
import { machineOn } from '../../src/machine/machine.ts'
import { frame } from '../fake-docker/container.ts'
import { whole } from '../fake-docker/shell-files.ts'
import { engineWith } from './engine-with.ts'

async function factsOf(...lines: string[]) {
  const text = lines.map((line) => `${line}\n`).join('')
  const { engine } = await engineWith(() => ({ chunks: [frame(1, whole(text))], exitCode: 0 }))
  return readFacts(machineOn(engine, { name: 'm-1', cluster: 'lab', role: 'control-plane' }))
}

const kubelet = [
  'kubelet.pid=712',
  'kubelet.restarts=3',
  'kubelet.version=v1.34.4',
  'kubelet.since=1767225600',
  'kubelet.healthz=ok',
]

test('a machine that runs is read whole', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  expect(
    await factsOf(
      ...kubelet,
      'manifest.kube-apiserver=registry.k8s.io/kube-apiserver:v1.34.4',
      'manifest.etcd=registry.k8s.io/etcd:3.6.5-0',
      `digest.registry.k8s.io/etcd:3.6.5-0=${digest}`,
      'container.abc=registry.k8s.io/etcd:3.6.5-0',
      'container.def=registry.k8s.io/pause:3.10.1',
    ),
  ).toEqual({
    kubelet: { pid: 712, restarts: 3, version: 'v1.34.4', since: 1767225600, healthy: true },
    manifests: {
      'kube-apiserver': 'registry.k8s.io/kube-apiserver:v1.34.4',
      etcd: 'registry.k8s.io/etcd:3.6.5-0',
    },
    containers: { abc: 'registry.k8s.io/etcd:3.6.5-0', def: 'registry.k8s.io/pause:3.10.1' },
    digests: { 'registry.k8s.io/etcd:3.6.5-0': digest },
  })
})

test('a kubelet that does not run has no version and is not healthy', async () => {
  const { kubelet } = await factsOf('kubelet.pid=0', 'kubelet.restarts=9')
  expect(kubelet).toMatchObject({ pid: 0, restarts: 9, version: '', healthy: false })
})

test.each(['', '[+]ping ok', 'nok'])('a kubelet that answers %j is not healthy', async (answer) => {
  const { kubelet: read } = await factsOf(...kubelet.slice(0, -1), `kubelet.healthz=${answer}`)
  expect(read.healthy).toBe(false)
})

test('an image that is named by its digest is read whole', async () => {
  const image = `registry.k8s.io/pause@sha256:${'b'.repeat(64)}`
  expect((await factsOf(...kubelet, `container.abc=${image}`)).containers).toEqual({ abc: image })
})

test('a value may have an equals sign in it', async () => {
  expect((await factsOf('container.abc=reg/a:b=c')).containers).toEqual({ abc: 'reg/a:b=c' })
})
