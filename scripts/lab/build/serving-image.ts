import { dirname, join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import type { ImageBuild } from '../engine/ensure-image.ts'
import { changes } from '../engine/labels.ts'
import { withStaging } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { ensureGoProgram } from './go-programs.ts'
import { goSources } from './sources.ts'

/** The build of the image of a Pod that answers HTTP: the lab's own program and nothing else. */
export async function servingImageBuild(name: string): Promise<ImageBuild<string>> {
  const hash = await inputsHash('serve', join(goSources, 'serve'))
  return {
    hash,
    prepare: () => ensureGoProgram('serve'),
    build: (serve) =>
      withStaging('serve-image', async (staging) => {
        const archive = join(staging, 'root.tar')
        await run`tar -C ${dirname(serve)} --owner=0 --group=0 -cf ${archive} serve`
        await run`docker import ${changes(hash, 'ENTRYPOINT ["/serve"]')} ${archive} ${name}`
      }),
  }
}
