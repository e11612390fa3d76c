import { join } from 'node:path'
import { run } from '../../host/run.ts'
import { canPull, changes, docker, imageInputs, pull } from '../engine/docker.ts'
import { withStaging } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import { clusterApi as version } from '../host/versions.ts'
import { clusterApi, clusterApiHash, type Provider, providers } from './cluster-api.ts'

export const providerImage = ({ image }: Provider) => `${image}:${version}`

// The providers' images: the engine's own or a registry's where there is one, else built, under the same name.
export async function needClusterApiImages() {
  const hash = await clusterApiHash()
  for (const provider of providers) {
    const name = providerImage(provider)
    await need({
      title: name,
      there: async () => {
        const inputs = await imageInputs(name)
        return inputs === '' || inputs === hash ? name : undefined
      },
      needs: async () => ((await canPull(name)) ? undefined : clusterApi()),
      make: async (programs) => {
        if (programs) await build(name, join(programs, provider.folder), hash)
        else await pull(name)
        return name
      },
    })
  }
}

// The program and nothing else. The providers' manifests say which user it runs as; the Docker provider's has to be
// root, for the engine's socket.
async function build(name: string, programs: string, hash: string) {
  await withStaging('provider', async (staging) => {
    const archive = join(staging, 'root.tar')
    await run('tar', ['-C', programs, '--owner=0', '--group=0', '-cf', archive, 'manager'])
    await docker('import', [...changes(hash, 'ENTRYPOINT ["/manager"]'), archive, name])
  })
}
