import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import type { Role } from '../../src/kubernetes/versions.ts'
import { question, type Sides } from './questions.ts'

// Clusters that people really have, each named after its case. What becomes of a new version of such a machine.
function verdict(asked: Parameters<typeof question>[0]): string {
  const { accepted, declined } = decide(question(asked))
  return declined.length > 0 ? declined.map(({ code }) => code).join() : accepted.join()
}

const same = (spec: unknown): Sides => [spec, structuredClone(spec)]
const updated = 'machine version'
const roles: Role[] = ['control-plane', 'worker']

describe("B01: kubeadm's patches, as Cluster API's book recommends to configure a kubelet", () => {
  const path = '/etc/kubernetes/patches/kubeletconfiguration0+strategic.json'
  const spec = (maxPods: number) => ({
    files: [{ path, content: JSON.stringify({ maxPods }), owner: 'root:root', permissions: '0644' }],
    initConfiguration: { patches: { directory: '/etc/kubernetes/patches' } },
    joinConfiguration: { patches: { directory: '/etc/kubernetes/patches' } },
  })

  test('are kept: the machine is updated in place', () => {
    for (const role of roles) expect(verdict({ role, bootstrap: same(spec(42)) })).toBe(updated)
  })

  test('that change along with the version need a new machine', () => {
    for (const role of roles) {
      expect(verdict({ role, bootstrap: [spec(42), spec(43)] })).toBe('FILE_NOT_COVERED')
    }
  })
})

describe('B02: a static pod named kube-vip', () => {
  const spec = (image: string) => ({
    files: [{ path: '/etc/kubernetes/manifests/kube-vip.yaml', content: `image: ${image}` }],
    preKubeadmCommands: ["sed -i 's#__IFACE__#eth0#' /etc/kubernetes/manifests/kube-vip.yaml"],
  })

  test('is kept', () => {
    expect(verdict({ bootstrap: same(spec('kube-vip:v1')) })).toBe(updated)
  })

  test('of another version needs a new machine', () => {
    expect(verdict({ bootstrap: [spec('kube-vip:v1'), spec('kube-vip:v2')] })).toBe('FILE_NOT_COVERED')
  })
})

describe('B06: an external etcd', () => {
  const spec = { clusterConfiguration: { etcd: { external: { endpoints: ['https://10.0.0.9:2379'] } } } }

  test('declines on a control plane machine, and a worker is updated', () => {
    expect(verdict({ bootstrap: same(spec) })).toBe('CONFIG_NOT_COVERED')
    expect(verdict({ role: 'worker', bootstrap: same(spec) })).toBe(updated)
  })
})

test.each([
  'K0sWorkerConfigTemplate',
  'CK8sConfigTemplate',
  'TalosConfigTemplate',
  'MicroK8sConfigTemplate',
])('B07: machines of %s get no opinion', (kind) => {
  const asked = question({ role: 'worker' })
  for (const side of [asked.bootstrapConfig.current, asked.bootstrapConfig.desired]) side.kind = kind
  expect(decide(asked).declined.map(({ code }) => code)).toEqual(['MACHINE_FOREIGN'])
})

describe('B09: a file that a command has filled in', () => {
  const spec = (content: string) => ({
    files: [{ path: '/etc/keepalived/keepalived.conf', content }],
    preKubeadmCommands: ['sed -i s/__IFACE__/eth0/ /etc/keepalived/keepalived.conf'],
  })

  test('is kept at a new version', () => {
    for (const role of roles) expect(verdict({ role, bootstrap: same(spec('interface __IFACE__')) })).toBe(updated)
  })

  test('and needs a new machine when it changes', () => {
    const bootstrap: Sides = [spec('interface __IFACE__'), spec('interface __IFACE__ up')]
    expect(verdict({ bootstrap })).toBe('FILE_NOT_COVERED')
  })
})

describe('B12: a feature gate that the new kubeadm may not know', () => {
  test('is kept as it is, since kubeadm itself refuses it before anything changes (KUBEADM_CONFIG_REFUSED)', () => {
    expect(verdict({ bootstrap: same({ clusterConfiguration: { featureGates: { EtcdLearnerMode: false } } }) })).toBe(
      updated,
    )
  })

  test('needs a new machine when it goes', () => {
    const bootstrap: Sides = [
      { clusterConfiguration: { featureGates: { EtcdLearnerMode: false, A: true } } },
      { clusterConfiguration: { featureGates: { A: true } } },
    ]
    expect(verdict({ bootstrap })).toBe('CHANGE_NOT_COVERED')
  })
})

test('B14: an argument that the new API server may not know is kept; kubeadm goes back by itself', () => {
  const extraArgs = [{ name: 'cloud-provider', value: 'external' }]
  expect(verdict({ bootstrap: same({ clusterConfiguration: { apiServer: { extraArgs } } }) })).toBe(updated)
})

test('B15: a worker that goes to a version between is accepted', () => {
  expect(verdict({ role: 'worker', versions: ['v1.33.2', 'v1.34.5'] })).toBe(updated)
})

test('B16: a node image by digest is kept while it stays, and needs a new machine when it changes', () => {
  const image = (name: string) => ({ backend: { docker: { customImage: name } } })
  const pinned = image('kindest/node:v1.34.3@sha256:08497ee19eac')
  expect(verdict({ infrastructure: same(pinned) })).toBe(updated)
  expect(verdict({ infrastructure: [pinned, image('kindest/node:v1.35.0')] })).toBe('CHANGE_NOT_COVERED')
})

test('B19: a worker of a hosted control plane is accepted: its configuration is like any other', () => {
  const discovery = { bootstrapToken: { apiServerEndpoint: '172.18.0.9:6443', caCertHashes: ['sha256:a'] } }
  expect(verdict({ role: 'worker', bootstrap: same({ joinConfiguration: { discovery } }) })).toBe(updated)
})

describe('cases that were found handled stay so', () => {
  test.each([
    'v1.31.0+rke2r1',
    'v1.31.0+k3s1',
    'v1.31.0-eks-1-31-4',
    'v1.31.0-k0s.0',
    'v1.31.0+vmware.1',
    'ci/latest',
  ])('the version %s declines', (version) => {
    for (const role of roles) expect(verdict({ role, versions: ['v1.30.0', version] })).toBe('VERSION_FORM')
  })

  test('from a release candidate to the release', () => {
    for (const role of roles) expect(verdict({ role, versions: ['v1.35.0-rc.1', 'v1.35.0'] })).toBe(updated)
  })

  test.each<[string, object, object]>([
    ['the tag of etcd', { etcd: { local: { imageTag: '3.6.5-0' } } }, { etcd: { local: { imageTag: '3.6.6-0' } } }],
    [
      "the user's own ControlPlaneKubeletLocalMode: false, which comes",
      { imageRepository: 'a' },
      { imageRepository: 'a', featureGates: { ControlPlaneKubeletLocalMode: false } },
    ],
  ])('%s needs a new machine', (_, current, desired) => {
    const bootstrap: Sides = [{ clusterConfiguration: current }, { clusterConfiguration: desired }]
    expect(verdict({ bootstrap })).toBe('CHANGE_NOT_COVERED')
  })

  const file = { path: '/etc/a', content: 'a' }
  test.each<[string, object, object]>([
    ['an entry that appends', file, { ...file, append: true }],
    ['an entry that was in a Secret', { path: '/etc/a', contentFrom: { secret: { name: 'a', key: 'b' } } }, file],
    ['a mode as YAML 1.1 has it', file, { ...file, permissions: '0o600' }],
  ])('%s needs a new machine', (_, current, desired) => {
    expect(verdict({ bootstrap: [{ files: [current] }, { files: [desired] }] })).toBe('FILE_NOT_COVERED')
  })
})
