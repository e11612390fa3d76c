import { join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import type { ImageBuild } from '../engine/ensure-image.ts'
import { labelsWithInputs } from '../engine/labels.ts'
import { inputsHash } from '../host/hash.ts'
import { debianHash, ensureDebianImage } from './debian-image.ts'
import { imageFiles } from './sources.ts'

const folder = join(imageFiles, 'haproxy')

/** The build of the load balancer's image: Debian's haproxy with the files that Cluster API's Docker provider expects. */
export async function loadBalancerImageBuild(name: string): Promise<ImageBuild> {
  const hash = await inputsHash(await debianHash(), folder)
  return {
    hash,
    prepare: ensureDebianImage,
    build: async () => {
      await run`docker build ${labelsWithInputs(hash)} --tag ${name} ${folder}`
    },
  }
}
