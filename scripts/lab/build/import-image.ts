import { basename, dirname, join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import { changes } from '../engine/labels.ts'
import { withStaging } from '../host/cache.ts'

/** The content of an image with one layer: files below a folder, with the owner root. */
export interface LayerContent {
  folder: string
  /** What is taken of the folder, by paths below it. */
  paths: readonly string[]
  /** The command that a container runs. */
  entrypoint: readonly string[]
}

/** Imports an image with one layer into the engine. `hash` is the one of the inputs, for the image's label. */
export async function importImage(name: string, hash: string, content: LayerContent): Promise<void> {
  const { folder, paths, entrypoint } = content
  await withStaging('layer', async (staging) => {
    const archive = join(staging, 'layer.tar')
    await run`tar -C ${folder} --owner=0 --group=0 -cf ${archive} ${paths}`
    await run`docker import ${changes(hash, `ENTRYPOINT ${JSON.stringify(entrypoint)}`)} ${archive} ${name}`
  })
}

/** Imports an image that has a program and nothing else. */
export function importProgram(name: string, hash: string, program: string): Promise<void> {
  const file = basename(program)
  return importImage(name, hash, { folder: dirname(program), paths: [file], entrypoint: [`/${file}`] })
}
