import { expect, test } from 'vitest'
import { podSettingsOf } from '../../src/kubernetes/pod-settings.ts'
import { manifestIn } from '../../src/machine/pod-document.ts'
import { podNotAsItsManifest, podWithout } from '../../src/upgrade/pod-settings.ts'

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

const withMount = (mountPath: string, command: string[] = []) => `
spec:
  containers:
  - image: registry.k8s.io/kube-apiserver:v1.35.4
    command: ${JSON.stringify(command)}
    volumeMounts:
    - {mountPath: ${mountPath}, name: kms, readOnly: true}
  volumes:
  - {name: kms, hostPath: {path: /kms}}
`

test.each<[mountPath: string, shown: string, isReadOnly: boolean, pod: string | undefined]>([
  ['/etc/kms', '/etc/kms', true, undefined],
  ['/etc/kms/', '/etc/kms', true, undefined],
  // /var/run is a link to /run in the images of Kubernetes.
  ['/var/run/kms/socket.sock', '/run/kms/socket.sock', true, undefined],
  ['/etc/kms', '/etc/other', true, 'kube-apiserver'],
  ['/etc/kms', '/etc/kms', false, 'kube-apiserver'],
])('a process with a mount of %s that the kernel shows at %s, read-only %s, differs in: %s', (path, shown, readOnly, pod) => {
  const manifests = new Map([['kube-apiserver', manifestIn(withMount(path))]])
  const process = { command: [], environment: new Set<string>(), mounts: new Map([[shown, { readOnly }]]) }
  expect(podNotAsItsManifest({ manifests, processes: new Map([['kube-apiserver', [process]]]) })).toBe(pod)
})

test.each<[inManifest: string, ofProcess: string, pod: string | undefined]>([
  ['--issuer=$(ISSUER)', '--issuer=https://a', undefined],
  ['--prefix=a$$b', '--prefix=a$b', undefined],
  ['--prefix=a$b', '--prefix=a$b', undefined],
  ['--prefix=a$b', '--prefix=a', 'kube-apiserver'],
])('a process with the argument of %s that is %s differs in: %s', (inManifest, ofProcess, pod) => {
  const manifests = new Map([['kube-apiserver', manifestIn(withMount('/kms', [inManifest]))]])
  const mounts = new Map([['/kms', { readOnly: true }]])
  const process = { command: [ofProcess], environment: new Set<string>(), mounts }
  expect(podNotAsItsManifest({ manifests, processes: new Map([['kube-apiserver', [process]]]) })).toBe(pod)
})
