import type { ImageBuild } from '../engine/ensure-image.ts'
import { type Provider, providerImage } from '../host/providers.ts'
import { clusterApiHash, ensureClusterApiPrograms, managerOf } from './cluster-api.ts'
import { importProgram } from './import-image.ts'

/**
 * The build of a provider's image: its program and nothing else. The provider's manifests set the user that it runs as;
 * the Docker provider has to be root for the engine's socket.
 */
export async function providerImageBuild(provider: Provider): Promise<ImageBuild<string>> {
  const hash = await clusterApiHash()
  return {
    hash,
    prepare: ensureClusterApiPrograms,
    build: (programs) => importProgram(providerImage(provider), hash, managerOf(provider, programs)),
  }
}
