import type { ImageBuild } from '../engine/ensure-image.ts'
import { type ClusterApiRelease, type Provider, providerImage } from '../host/cluster-api-releases.ts'
import { clusterApiHash, ensureClusterApiPrograms, managerOf } from './cluster-api.ts'
import { importProgram } from './import-image.ts'

/**
 * The build of a provider's image: its program and nothing else. The provider's manifests set the user that it runs as;
 * the Docker provider has to be root for the engine's socket.
 */
export async function providerImageBuild(release: ClusterApiRelease, provider: Provider): Promise<ImageBuild<string>> {
  const hash = await clusterApiHash(release)
  return {
    hash,
    prepare: () => ensureClusterApiPrograms(release),
    build: (programs) => importProgram(providerImage(release, provider), hash, managerOf(provider, programs)),
  }
}
