import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../host/run.ts'
import { canPull, changes, docker, imageInputs, pull } from '../engine/docker.ts'
import { goSources, imageFiles, inputsHash, withStaging } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import { distribution } from '../host/versions.ts'
import { program } from './programs.ts'

// Docker's own image of the registry, and ours of the same program.
const published = `registry:${distribution.slice(1)}`
const built = 'capd-kubeadm-upgrader/registry'
const files = join(imageFiles, 'registry')

// An image that serves a registry at port 5000, without TLS.
export async function registryImage(): Promise<string> {
  const hash = await inputsHash({ distribution }, files, join(goSources, 'registry'))
  return need({
    title: 'image of a registry',
    there: async () => {
      if ((await imageInputs(published)) !== undefined) return published
      return (await imageInputs(built)) === hash ? built : undefined
    },
    needs: async () => ((await canPull(published)) ? undefined : program('registry')),
    make: async (registry) => {
      if (registry) await build(registry, hash)
      else await pull(published)
      return registry ? built : published
    },
  })
}

async function build(registry: string, hash: string) {
  await withStaging('registry', async (staging) => {
    const root = join(staging, 'root')
    const archive = join(staging, 'root.tar')
    await cp(files, join(root, 'etc'), { recursive: true })
    await cp(registry, join(root, 'registry'))
    await run('tar', ['-C', root, '-cf', archive, '.'])
    const entrypoint = 'ENTRYPOINT ["/registry", "serve", "/etc/config.yml"]'
    await docker('import', [...changes(hash, entrypoint), archive, built])
  })
}
