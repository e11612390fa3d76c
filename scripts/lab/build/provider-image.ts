import { dirname, join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import type { ImageBuild } from '../engine/ensure-image.ts'
import { changes } from '../engine/labels.ts'
import { withStaging } from '../host/cache.ts'
import { type Provider, providerImage } from '../host/providers.ts'
import { clusterApiHash, ensureClusterApiPrograms, managerOf } from './cluster-api.ts'

/**
 * The build of a provider's image: its program and nothing else. The provider's manifests set the user that it runs as;
 * the Docker provider has to be root for the engine's socket.
 */
export async function providerImageBuild(provider: Provider): Promise<ImageBuild<string>> {
  const hash = await clusterApiHash()
  return {
    hash,
    prepare: ensureClusterApiPrograms,
    build: (programs) =>
      withStaging('provider', async (staging) => {
        const archive = join(staging, 'root.tar')
        await run`tar -C ${dirname(managerOf(provider, programs))} --owner=0 --group=0 -cf ${archive} manager`
        await run`docker import ${changes(hash, 'ENTRYPOINT ["/manager"]')} ${archive} ${providerImage(provider)}`
      }),
  }
}
