// Every version that the lab uses. A change here rebuilds what depends on it.

/** The Kubernetes version of new machines. */
export const from = 'v1.34.4'
/** The Kubernetes version to upgrade to. */
export const to = 'v1.35.4'

/**
 * The Debian release of the machine images, and of an engine and a Go where the host has none: the newest whose systemd
 * (257) boots on a host with cgroup v1.
 */
export const debian = 'trixie'

/** The release of kind. */
export const kind = 'v0.33.0'

/** The release of etcd for every Kubernetes version, by the tag that its kubeadm requires. */
export const etcd = 'v3.6.6'
/** The release of CoreDNS, likewise. */
export const coredns = 'v1.12.4'

/**
 * The tags of the sandbox image of pods: containerd's, and kind's. The tag of kubeadm is not among them when it differs,
 * as from v1.36 on; kind's images do not have it either.
 */
export const pause = ['3.10.1', '3.10']

/** The release of Cluster API. */
export const clusterApi = 'v1.14.2'

/**
 * The tag of the load balancer that its Docker provider starts in front of a control plane
 * (test/infrastructure/docker/internal/loadbalancer/const.go).
 */
export const loadBalancer = 'v20230606-42a2262b'

/** The release of the registry for tests that pull images. */
export const distribution = 'v3.0.0'
