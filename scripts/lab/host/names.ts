import { arch as nodeArch } from 'node:os'

// Docker label of whatever the lab makes: `docker ps --filter label=capd-kubeadm-upgrader=lab`.
export const ours = 'capd-kubeadm-upgrader=lab'

// Label of an image or container of ours: hash of what it was made from.
export const inputsLabel = 'capd-kubeadm-upgrader.inputs'

// UPGRADER_LAB_CLUSTER gives a second lab beside the first: cluster, network and registry are named after it.
export const cluster = process.env.UPGRADER_LAB_CLUSTER || 'upgrader-lab'
export const network = cluster
export const controlPlane = `${cluster}-control-plane`
export const worker = `${cluster}-worker`
export const registry = `${cluster}-registry`

// The cluster with Cluster API in it, its one container, and how the clusters that it makes had best be named.
export const management = `${cluster.replace(/-lab$/, '')}-management`
export const managementControlPlane = `${management}-control-plane`
export const workloadPrefix = (of: string) => `${of}-`

// Cluster API's Docker provider makes every machine on this network, whatever its own is called: it knows no other
// (v1.14.2, test/infrastructure/docker/internal/docker/manager.go). Clusters that are not ours may be on it.
export const kindNetwork = 'kind'

// The architecture as Go, Debian and Kubernetes' releases name it.
export const arch = nodeArch() === 'x64' ? 'amd64' : nodeArch()

// The name under which kind and Cluster API's Docker provider look for a machine image.
export const nodeImage = (version: string) => `kindest/node:${version}`
