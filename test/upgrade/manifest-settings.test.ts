import { expect, test } from 'vitest'
import { podSettingsOf } from '../../src/kubernetes/pod-settings.ts'
import { manifestIn } from '../../src/machine/pod-document.ts'
import { podWithout } from '../../src/upgrade/pod-settings.ts'

const volume = { name: 'audit', hostPath: '/audit', mountPath: '/logs', readOnly: true, pathType: 'Directory' }
// As kubeadm renders it.
const manifest = `
spec:
  containers:
  - image: registry.k8s.io/kube-apiserver:v1.35.4
    volumeMounts:
    - {mountPath: /logs, name: audit, readOnly: true}
  volumes:
  - {name: audit, hostPath: {path: /audit, type: Directory}}
`

test.each<[object, string | undefined]>([
  [{}, undefined],
  [{ mountPath: '/other' }, 'kube-apiserver'],
  [{ hostPath: '/other' }, 'kube-apiserver'],
  [{ readOnly: false }, 'kube-apiserver'],
  [{ pathType: 'DirectoryOrCreate' }, 'kube-apiserver'],
  [{ pathType: undefined }, 'kube-apiserver'],
])('a volume with %j is missing in: %s', (change, pod) => {
  const pods = podSettingsOf({ clusterConfiguration: { apiServer: { extraVolumes: [{ ...volume, ...change }] } } })
  if (pods === undefined) throw new Error('there is a volume')
  expect(podWithout(pods, { manifests: new Map([['kube-apiserver', manifestIn(manifest)]]) })).toBe(pod)
})

// Some patch releases of kubeadm sort them by their values.
test.each<[wanted: string[], rendered: string[], pod: string | undefined]>([
  [['b', 'a'], ['b', 'a'], undefined],
  [['b', 'a'], ['a', 'b'], undefined],
  [['b', 'a'], ['a'], 'kube-apiserver'],
  [['b', 'a'], ['a', 'b', 'c'], 'kube-apiserver'],
  [['b', 'a'], ['a', 'c'], 'kube-apiserver'],
])('of the arguments %j of one name, with %j in the manifest, some are missing in: %s', (wanted, rendered, pod) => {
  const extraArgs = wanted.map((value) => ({ name: 'issuer', value }))
  const pods = podSettingsOf({ clusterConfiguration: { apiServer: { extraArgs } } })
  if (pods === undefined) throw new Error('there are arguments')
  const command = ['kube-apiserver', ...rendered.map((value) => `--issuer=${value}`)]
  const text = JSON.stringify({ spec: { containers: [{ image: 'a:1', command }] } })
  expect(podWithout(pods, { manifests: new Map([['kube-apiserver', manifestIn(text)]]) })).toBe(pod)
})
