import { UserError } from '../../host/user-error.ts'

const core = 'sigs.k8s.io/cluster-api'
const test = `${core}/test`

/** A provider of Cluster API. */
export interface Provider {
  /** Its image as released, without the tag. */
  image: string
  /** The Go module that contains it. */
  module: string
  /** The folder of its main package in the module; empty for the module's root. Its manifests are in `config` below. */
  folder: string
}

/** A release of Cluster API that the lab can install, and how its sources are arranged. */
export interface ClusterApiRelease {
  /** The tag of its images, and the version of its Go modules. */
  version: string
  /** Its Go modules. They are released together, and each requires the same version of the others. */
  modules: readonly string[]
  /** The providers that the management cluster has. */
  providers: readonly Provider[]
  /**
   * What the names of its management cluster and of its programs in the cache have, so that the releases exist next to
   * each other. Undefined for the default release.
   */
  mark?: string
}

function providersWith({ coreFolder }: { coreFolder: string }): Provider[] {
  const registry = 'registry.k8s.io/cluster-api'
  return [
    { image: `${registry}/cluster-api-controller`, module: core, folder: coreFolder },
    { image: `${registry}/kubeadm-bootstrap-controller`, module: core, folder: 'bootstrap/kubeadm' },
    { image: `${registry}/kubeadm-control-plane-controller`, module: core, folder: 'controlplane/kubeadm' },
    { image: 'gcr.io/k8s-staging-cluster-api/capd-manager', module: test, folder: 'infrastructure/docker' },
  ]
}

/**
 * The releases of Cluster API, the default one first: the newest of each minor version whose Go modules resolve, the test
 * module with the Docker provider included.
 */
export const clusterApiReleases: readonly [ClusterApiRelease, ...ClusterApiRelease[]] = [
  { version: 'v1.14.2', modules: [core, `${core}/api`, test], providers: providersWith({ coreFolder: 'core' }) },
  // The types are in the core module, and so is the core provider, at its root.
  { version: 'v1.13.4', modules: [core, test], providers: providersWith({ coreFolder: '' }), mark: 'v1-13' },
]

const setting = 'UPGRADER_LAB_CAPI'

/** The release that UPGRADER_LAB_CAPI names, the first by default. Throws a UserError for another value. */
export function clusterApiRelease(): ClusterApiRelease {
  const version = process.env[setting] || clusterApiReleases[0].version
  const release = clusterApiReleases.find((one) => one.version === version)
  if (release) return release
  const versions = clusterApiReleases.map((one) => `"${one.version}"`).join(' or ')
  throw new UserError(
    `${setting} is ${versions}, not "${version}".`,
    `unset ${setting} for ${clusterApiReleases[0].version}`,
  )
}

/** The full name of a provider's image. */
export function providerImage({ version }: ClusterApiRelease, { image }: Provider): string {
  return `${image}:${version}`
}

/** The name of an entry of the cache that is built from a release. */
export function keptNameOf({ version, mark }: ClusterApiRelease, name: string): string {
  return mark === undefined ? name : `${name}-${version}`
}

/** The Go package in a folder of a module; the module's root for an empty folder. */
export function packageOf({ module, folder }: Pick<Provider, 'module' | 'folder'>): string {
  return folder === '' ? module : `${module}/${folder}`
}
