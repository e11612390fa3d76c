import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageBuild } from '../engine/ensure-image.ts'
import { withStaging } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { distribution } from '../host/versions.ts'
import { ensureGoProgram } from './go-programs.ts'
import { importImage } from './import-image.ts'
import { goSources, imageFiles } from './sources.ts'

const files = join(imageFiles, 'registry')

/** The build of the registry's image: the program that Docker's own image has, with a configuration of the lab. */
export async function registryImageBuild(name: string): Promise<ImageBuild<string>> {
  const hash = await inputsHash({ distribution }, files, join(goSources, 'registry'))
  return {
    hash,
    prepare: () => ensureGoProgram('registry'),
    build: (registry) =>
      withStaging('registry', async (staging) => {
        const root = join(staging, 'root')
        await cp(files, join(root, 'etc'), { recursive: true })
        await cp(registry, join(root, 'registry'))
        const entrypoint = ['/registry', 'serve', '/etc/config.yml']
        await importImage(name, hash, { folder: root, paths: ['.'], entrypoint })
      }),
  }
}
