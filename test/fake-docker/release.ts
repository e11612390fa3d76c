import { createHash } from 'node:crypto'

// The versions that tests go between.
export const old = 'v1.34.4'
export const target = 'v1.35.4'

const staticPods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

// What `kubeadm config images list` of a version prints but for pause, and what kind's node image holds of it.
export function imagesOf(version: string): string[] {
  const minor = Number(version.split('.')[1])
  return [
    ...[...staticPods, 'kube-proxy'].map((name) => `registry.k8s.io/${name}:${version}`),
    `registry.k8s.io/coredns/coredns:v1.${minor - 22}.1`,
    etcdOf(version),
  ]
}

// Static pod name to image.
export function staticPodsOf(version: string): Record<string, string> {
  const kubernetes = staticPods.map((name) => [name, `registry.k8s.io/${name}:${version}`])
  return Object.fromEntries([...kubernetes, ['etcd', etcdOf(version)]])
}

function etcdOf(version: string): string {
  return `registry.k8s.io/etcd:3.6.${Number(version.split('.')[1]) - 29}-0`
}

// Any image's digest: the same for the same name.
export function digestOf(image: string): string {
  return `sha256:${createHash('sha256').update(image).digest('hex')}`
}
