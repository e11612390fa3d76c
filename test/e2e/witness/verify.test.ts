import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Snapshot } from '../../../e2e/witness/snapshot.ts'
import { differences, type Expected, isAt, problems } from '../../../e2e/witness/verify.ts'

const [from, to] = ['v1.34.4', 'v1.35.4']

function snapshotAt(version: string, parts: Partial<Snapshot> = {}): Snapshot {
  const pod = (image: string, containers = 'containerd://1 0') => ({ images: image, ready: true, containers })
  return {
    machine: 'cp-1',
    identity: { 'container id': 'abc', 'machine-id': 'def', 'Node UID': 'ghi' },
    processes: {
      kubelet: version,
      'kube-apiserver': version,
      'kube-controller-manager': version,
      'kube-scheduler': version,
      'kube-proxy': version,
      etcd: '3.6.5',
    },
    files: { kubeadm: version, kubelet: version, kubectl: version },
    node: { ready: true, kubeletVersion: version, heartbeat: '2026-01-01T00:00:00Z' },
    pods: {
      'kube-system/etcd-cp-1': pod('registry.k8s.io/etcd:3.6.5-0'),
      'kube-system/kube-apiserver-cp-1': pod(`registry.k8s.io/kube-apiserver:${version}`),
      'kube-system/kube-controller-manager-cp-1': pod(`registry.k8s.io/kube-controller-manager:${version}`),
      'kube-system/kube-scheduler-cp-1': pod(`registry.k8s.io/kube-scheduler:${version}`),
      'kube-system/kube-proxy-7x9kq': pod(`registry.k8s.io/kube-proxy:${version}`),
      'default/steady': pod('registry.k8s.io/pause:3.10'),
    },
    ...parts,
  }
}

const before = snapshotAt(from)
const controlPlane: Expected = { role: 'control-plane', version: to, kubeProxy: true }
const found = (after: Snapshot, expected = controlPlane) => problems(before, after, expected)

// A snapshot at the target with one value replaced.
function changedAt(path: [part: 'identity' | 'processes' | 'files' | 'node', name: string], value: unknown): Snapshot {
  const after = snapshotAt(to)
  const [part, name] = path
  return { ...after, [part]: { ...after[part], [name]: value } }
}

function withPod(name: string, changed: Partial<Snapshot['pods'][string]> | undefined): Snapshot {
  const after = snapshotAt(to)
  const { [name]: pod = { images: '', ready: true, containers: '' }, ...others } = after.pods
  return { ...after, pods: changed === undefined ? others : { ...others, [name]: { ...pod, ...changed } } }
}

test('a machine that is all at the target has no problem', () => {
  expect(found(snapshotAt(to))).toEqual([])
  expect(isAt(snapshotAt(to), controlPlane)).toBe(true)
})

test('a machine that was not upgraded has a problem for each part', () => {
  expect(found(before)).toHaveLength(5 + 3 + 1 + 4)
  expect(isAt(before, controlPlane)).toBe(false)
})

describe('one problem is reported for', () => {
  test.each<[string, Snapshot, string]>([
    ['another container', changedAt(['identity', 'container id'], 'xyz'), 'container id changed from abc to xyz'],
    ['another Node', changedAt(['identity', 'Node UID'], undefined), 'Node UID changed'],
    ['an old kubelet that runs', changedAt(['processes', 'kubelet'], from), 'the running kubelet is v1.34.4'],
    [
      'an old process next to a new one',
      changedAt(['processes', 'kube-scheduler'], `${from}, ${to}`),
      'kube-scheduler is',
    ],
    [
      'a component that does not run',
      changedAt(['processes', 'kube-apiserver'], undefined),
      'kube-apiserver is missing',
    ],
    ['an old kube-proxy', changedAt(['processes', 'kube-proxy'], from), 'the running kube-proxy is'],
    ['an old program', changedAt(['files', 'kubeadm'], from), '/usr/bin/kubeadm is v1.34.4'],
    ['a program that is missing', changedAt(['files', 'kubectl'], undefined), '/usr/bin/kubectl is missing'],
    ['a Node at the old version', changedAt(['node', 'kubeletVersion'], from), 'the Node reports v1.34.4'],
    ['a Node that is not Ready', changedAt(['node', 'ready'], false), 'not Ready'],
    ['a pod that is not ready', withPod('default/steady', { ready: false }), 'default/steady is not ready'],
    ['a static pod at the old image', withPod('kube-system/kube-apiserver-cp-1', { images: `a:${from}` }), 'a:v1.34.4'],
    ['kube-proxy at the old image', withPod('kube-system/kube-proxy-7x9kq', { images: `p:${from}` }), 'p:v1.34.4'],
    ['a steady pod with another container', withPod('default/steady', { containers: 'b 1' }), 'did not keep'],
    ['a steady pod that is gone', withPod('default/steady', undefined), 'did not keep'],
  ])('%s', (_, after, text) => {
    expect(found(after)).toEqual([expect.stringContaining(text)])
    expect(found(after)[0]).toMatch(/^cp-1: /)
  })
})

describe('nothing is reported for', () => {
  const images = 'ghcr.io/kube-vip/kube-vip:v1.0.0'
  test.each([
    ["a user's static pod", 'kube-system/kube-vip-cp-1'],
    ["a user's pod of a similar name", 'kube-system/kube-apiserver-proxy-cp-1'],
    ["a user's DaemonSet of a similar name", 'kube-system/kube-proxy-exporter-7x9kq'],
    ["a component's name in another namespace", 'default/kube-apiserver-cp-1'],
  ])('%s at another version', (_, name) => {
    expect(found(withPod(name, { images }))).toEqual([])
  })

  test('the components of a control plane on a worker', () => {
    const { kubelet, 'kube-proxy': kubeProxy } = snapshotAt(to).processes
    const after = snapshotAt(to, { processes: { kubelet, 'kube-proxy': kubeProxy } as Record<string, string> })
    expect(found(after, { ...controlPlane, role: 'worker' })).toEqual([])
    expect(found(after)).toHaveLength(3)
  })

  test('kube-proxy while other machines do not have its image', () => {
    const after = withPod('kube-system/kube-proxy-7x9kq', { images: `kube-proxy:${from}` })
    after.processes['kube-proxy'] = from
    expect(found(after, { ...controlPlane, kubeProxy: false })).toEqual([])
    expect(found(after)).toHaveLength(2)
  })
})

describe('differences', () => {
  test('a newer heartbeat is none', () => {
    const later = { ...before, node: { ...before.node, heartbeat: '2026-01-01T00:00:10Z' } }
    expect(differences(before, later)).toEqual([])
  })

  test('everything else that differs is named', () => {
    const pod = { images: 'coredns:v1', ready: true, containers: 'containerd://3 0' }
    const later = {
      ...before,
      processes: { ...before.processes, kubelet: to },
      pods: { ...before.pods, 'default/steady': { ...pod, images: 'registry.k8s.io/pause:3.10' }, 'a/coredns-1': pod },
    }
    expect(differences(before, later).sort()).toEqual([
      '/pods/a~1coredns-1',
      '/pods/default~1steady/containers',
      '/processes/kubelet',
    ])
    expect(differences(later, before)).toContain('/pods/a~1coredns-1')
  })
})

// CI runs the demo with a service that reports done and did nothing, and searches what the demo prints for this problem.
test('the negative control of .ci/run finds an old kubelet, and no other problem', () => {
  const script = readFileSync(new URL('../../../.ci/run', import.meta.url), 'utf8')
  const pattern = /grep -q '(\^FAILED [^']+)'/.exec(script)?.[1]
  const printed = found(before).map((problem) => `FAILED  ${problem}`)
  const matched = printed.filter((line) => new RegExp(pattern ?? '$.').test(line))
  expect(matched).toEqual(['FAILED  cp-1: the running kubelet is v1.34.4, expected v1.35.4'])
})
