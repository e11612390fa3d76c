// Everything that has a version. What the lab makes depends on these lines and on the files beside them.

// The Kubernetes version that new machines have, and the one that they are upgraded to.
export const from = 'v1.34.4'
export const to = 'v1.35.4'

// Release of Debian for the machine images, and for an engine and Go where the host has none: the newest whose
// systemd (257) boots on a host with cgroup v1.
export const debian = 'trixie'

export const kind = 'v0.33.0'

// One etcd and one CoreDNS serve every Kubernetes version, under whatever tag its kubeadm asks for.
export const etcd = 'v3.6.6'
export const coredns = 'v1.12.4'

// Tags of the image that holds pods open: containerd's, and kind's. As in kind's images that of kubeadm is not among them
// when it differs, as from v1.36 on.
export const pause = ['3.10.1', '3.10']

// Cluster API, and the load balancer that its Docker provider puts before a control plane
// (test/infrastructure/docker/internal/loadbalancer/const.go).
export const clusterApi = 'v1.14.2'
export const loadBalancer = 'v20230606-42a2262b'

// The registry for tests of pulling images.
export const distribution = 'v3.0.0'
