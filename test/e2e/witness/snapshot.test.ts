import { expect, test } from 'vitest'
import { podsOf, versionsIn } from '../../../e2e/witness/snapshot.ts'

test('a program that runs in two versions has both', () => {
  const output = 'kubelet=Kubernetes v1.34.4\nkubelet=Kubernetes v1.35.4\nkubelet=Kubernetes v1.35.4\n'
  expect(versionsIn(output).kubelet).toContain('v1.34.4')
  expect(versionsIn(output).kubelet).toContain('v1.35.4')
})

test.each([
  ['kubelet=Kubernetes v1.35.4', { kubelet: 'v1.35.4' }],
  ['etcd=etcd Version: 3.6.5', { etcd: '3.6.5' }],
  ['kubeadm=v1.36.0-rc.1', { kubeadm: 'v1.36.0-rc.1' }],
  ['kubectl=', { kubectl: '' }],
  ['', {}],
])('%j is read as a version', (output, versions) => {
  expect(versionsIn(output)).toEqual(versions)
})

const container = { image: 'a:1', ready: true, containerID: 'containerd://1', restartCount: 2 }

test('pods of one name in two namespaces are two pods', () => {
  const pods = ['one', 'two'].map((namespace) => ({ metadata: { namespace, name: 'pod' }, status: {} }))
  expect(Object.keys(podsOf(pods))).toEqual(['one/pod', 'two/pod'])
})

test.each([
  ['all its containers are ready', [container, container], true],
  ['one container is not ready', [container, { ...container, ready: false }], false],
  ['it has no containers', undefined, false],
])('a pod of which %s: ready is %s', (_, containerStatuses, ready) => {
  const pod = { metadata: { namespace: 'a', name: 'b' }, status: containerStatuses ? { containerStatuses } : {} }
  expect(podsOf([pod])['a/b']?.ready).toBe(ready)
})
