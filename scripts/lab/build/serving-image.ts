import { join } from 'node:path'
import type { ImageBuild } from '../engine/ensure-image.ts'
import { inputsHash } from '../host/hash.ts'
import { ensureGoProgram } from './go-programs.ts'
import { importProgram } from './import-image.ts'
import { goSources } from './sources.ts'

/** The build of the image of a Pod that answers HTTP: the lab's own program and nothing else. */
export async function servingImageBuild(name: string): Promise<ImageBuild<string>> {
  const hash = await inputsHash('serve', join(goSources, 'serve'))
  return {
    hash,
    prepare: () => ensureGoProgram('serve'),
    build: (serve) => importProgram(name, hash, serve),
  }
}
