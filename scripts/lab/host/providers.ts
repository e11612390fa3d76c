import { clusterApi } from './versions.ts'

/** A provider of Cluster API. */
export interface Provider {
  /** Its image as released, without the tag. */
  image: string
  /** The Go module that contains it. */
  module: string
  /** The folder of its main package in the module. Its manifests are in `config` below. */
  folder: string
}

const core = 'sigs.k8s.io/cluster-api'

/** The providers that the management cluster has. */
export const providers: Provider[] = [
  { image: 'registry.k8s.io/cluster-api/cluster-api-controller', module: core, folder: 'core' },
  { image: 'registry.k8s.io/cluster-api/kubeadm-bootstrap-controller', module: core, folder: 'bootstrap/kubeadm' },
  {
    image: 'registry.k8s.io/cluster-api/kubeadm-control-plane-controller',
    module: core,
    folder: 'controlplane/kubeadm',
  },
  {
    image: 'gcr.io/k8s-staging-cluster-api/capd-manager',
    module: `${core}/test`,
    folder: 'infrastructure/docker',
  },
]

/** The full name of a provider's image. */
export function providerImage({ image }: Provider): string {
  return `${image}:${clusterApi}`
}
