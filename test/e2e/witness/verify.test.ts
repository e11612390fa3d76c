import { expect, test } from 'vitest'
import type { Snapshot } from '../../../e2e/witness/snapshot.ts'
import { changes } from '../../../e2e/witness/verify.ts'

const pod = { images: 'kube-proxy:v1.34.4', ready: true, containers: 'containerd://1 0' }
const seen: Snapshot = {
  machine: 'w-1',
  identity: { 'machine-id': 'abc' },
  processes: { kubelet: 'v1.34.4' },
  files: { kubelet: 'v1.34.4' },
  node: { ready: true, kubeletVersion: 'v1.34.4', heartbeat: '2026-01-01T00:00:00Z' },
  pods: { 'kube-proxy-1': pod },
}

test('a machine whose Node has said that it lives was not changed', () => {
  expect(changes(seen, { ...seen, node: { ...seen.node, heartbeat: '2026-01-01T00:00:10Z' } })).toEqual([])
})

test('everything else that differs is named', () => {
  const later = {
    ...seen,
    processes: { kubelet: 'v1.35.4' },
    pods: { 'kube-proxy-1': { ...pod, containers: 'containerd://2 1' }, 'coredns-1': pod },
  }
  expect(changes(seen, later).sort()).toEqual([
    '/pods/coredns-1',
    '/pods/kube-proxy-1/containers',
    '/processes/kubelet',
  ])
  expect(changes(later, seen)).toContain('/pods/coredns-1')
})
