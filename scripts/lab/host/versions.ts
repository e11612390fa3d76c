// Every version that the lab uses. A change here rebuilds what depends on it.

/**
 * Kubernetes versions, each upgraded to the next. `released`: the node images of kind v0.33, where they can be pulled.
 * `built`: where they are built, because Cluster API's Docker provider takes released versions by a digest that a built
 * image cannot have (v1.14.2, test/infrastructure/kind/mapper.go).
 */
export const ladders = {
  released: ['v1.34.11', 'v1.35.8', 'v1.36.4', 'v1.37.0'],
  built: ['v1.34.4', 'v1.35.4', 'v1.36.3', 'v1.37.2'],
} as const

/**
 * The Debian release of the machine images, and of an engine and a Go where the host has none: the newest whose systemd
 * (257) boots on a host with cgroup v1.
 */
export const debian = 'trixie'

/** The release of kind. */
export const kind = 'v0.33.0'

/** The release of etcd to build, by the minor version of the tag that kubeadm requires. */
export const etcd = { '3.6': 'v3.6.6', '3.7': 'v3.7.0' } as const
/** The release of CoreDNS to build, likewise. */
export const coredns = { 'v1.12': 'v1.12.4', 'v1.13': 'v1.12.4', 'v1.14': 'v1.14.6' } as const

/** The container runtime of kind's node images (kind v0.33.0, images/base/Dockerfile). */
export const containerd = 'v2.3.4'
/** The program that it starts containers with, likewise. */
export const runc = 'v1.4.3'

/**
 * The tags of the sandbox image of pods, by the kind of the node image: containerd's, and kind's. The tag of kubeadm is not
 * among them when it differs; kind's images do not have it either.
 */
export const pause = { released: ['3.10'], older: ['3.10.1', '3.10'] } as const

/** The release of Cluster API. */
export const clusterApi = 'v1.14.2'

/**
 * The tag of the load balancer that its Docker provider starts in front of a control plane
 * (test/infrastructure/docker/internal/loadbalancer/const.go).
 */
export const loadBalancer = 'v20230606-42a2262b'

/** The release of the registry for tests that pull images. */
export const distribution = 'v3.0.0'
