import { ladders } from '../host/versions.ts'

const metadata = { name: 'sample', namespace: 'default' }
const infrastructure = 'infrastructure.cluster.x-k8s.io'

/** A valid object of each provider: a dry run of its creation calls the provider's webhook. */
export const samples = [
  {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Cluster',
    metadata,
    spec: { infrastructureRef: { apiGroup: infrastructure, kind: 'DevCluster', name: 'sample' } },
  },
  {
    apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
    kind: 'KubeadmConfig',
    metadata,
    spec: { format: 'cloud-config' },
  },
  {
    apiVersion: 'controlplane.cluster.x-k8s.io/v1beta2',
    kind: 'KubeadmControlPlane',
    metadata,
    spec: {
      version: ladders.built[1],
      machineTemplate: {
        spec: { infrastructureRef: { apiGroup: infrastructure, kind: 'DevMachineTemplate', name: 'sample' } },
      },
    },
  },
  {
    apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
    kind: 'DevCluster',
    metadata,
    spec: { backend: { docker: {} } },
  },
]
