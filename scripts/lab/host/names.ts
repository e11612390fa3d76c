import { arch as nodeArch } from 'node:os'

/** The Docker label of everything that the lab creates: `docker ps --filter label=capd-kubeadm-upgrader=lab`. */
export const labLabel = 'capd-kubeadm-upgrader=lab'

/** The Docker label of an image or container of the lab with the hash of what it was made from. */
export const inputsLabel = 'capd-kubeadm-upgrader.inputs'

/** The name of the kind cluster. UPGRADER_LAB_CLUSTER names a second lab: cluster, network and registry are named after it. */
export const cluster = process.env.UPGRADER_LAB_CLUSTER || 'upgrader-lab'
/** The Docker network of the lab's machines. */
export const network = cluster
/** The container of the control plane machine, as kind names it. */
export const controlPlane = `${cluster}-control-plane`
/** The container of the first worker machine, as kind names it. */
export const worker = `${cluster}-worker`
/** The container of the lab's registry. */
export const registry = `${cluster}-registry`

/** The name of the management cluster, the kind cluster with Cluster API in it. */
export const management = `${cluster.replace(/-lab$/, '')}-management`
/** The only container of the management cluster. */
export const managementControlPlane = `${management}-control-plane`

/** What the names of the clusters that a management cluster creates begin with. */
export function workloadPrefix(managementCluster: string): string {
  return `${managementCluster}-`
}

/**
 * The Docker network of every machine that Cluster API's Docker provider creates: the name is a constant in it (v1.14.2,
 * test/infrastructure/docker/internal/docker/manager.go). Clusters of the user may be on it too.
 */
export const kindNetwork = 'kind'

/** The architecture of the host, as Go, Debian and Kubernetes' releases name it. */
export const arch = nodeArch() === 'x64' ? 'amd64' : nodeArch()

/** The machine image of a Kubernetes version, by the name that kind and Cluster API's Docker provider have for it. */
export function nodeImage(version: string): string {
  return `kindest/node:${version}`
}
