// Everything that has a version. What the lab makes depends on these lines and on the files beside them.

/**
 * Kubernetes versions, each upgraded to the next. `released`: the node images of kind v0.33, for where images can be pulled.
 * `built`: for where they are built, because Cluster API's Docker provider takes released versions by a digest, which a
 * built image cannot have (v1.14.2, test/infrastructure/kind/mapper.go).
 */
export const ladders = {
  released: ['v1.34.11', 'v1.35.8', 'v1.36.4', 'v1.37.0'],
  built: ['v1.34.4', 'v1.35.4', 'v1.36.3', 'v1.37.2'],
} as const

// Release of Debian for the machine images, and for an engine and Go where the host has none: the newest whose
// systemd (257) boots on a host with cgroup v1.
export const debian = 'trixie'

export const kind = 'v0.33.0'

// What is built for the tags that kubeadm has for etcd and CoreDNS, by their minor versions.
export const etcd = { '3.6': 'v3.6.6', '3.7': 'v3.7.0' } as const
export const coredns = { 'v1.12': 'v1.12.4', 'v1.13': 'v1.12.4', 'v1.14': 'v1.14.6' } as const

// The container runtime of kind's node images (kind v0.33.0, images/base/Dockerfile).
export const containerd = 'v2.3.4'
export const runc = 'v1.4.3'

// Tags of the image that holds pods open, in node images with containerd 1.7: containerd's, and kind's. As in kind's images
// that of kubeadm is not among them when it differs, as from v1.36 on. Node images as kind v0.33 releases them have one.
export const pause = { older: ['3.10.1', '3.10'], released: ['3.10'] } as const

// Cluster API, and the load balancer that its Docker provider puts before a control plane
// (test/infrastructure/docker/internal/loadbalancer/const.go).
export const clusterApi = 'v1.14.2'
export const loadBalancer = 'v20230606-42a2262b'

// The registry for tests of pulling images.
export const distribution = 'v3.0.0'
