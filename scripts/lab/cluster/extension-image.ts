import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { interruptible } from '../../host/interruption.ts'
import { run } from '../../host/subprocess.ts'
import { dockerEngine } from '../engine/dockerd.ts'
import { ensureImage } from '../engine/ensure-image.ts'
import { pruneImages } from '../engine/images.ts'
import { labelsWithInputs } from '../engine/labels.ts'
import { inputsHash } from '../host/hash.ts'
import { withLabLock } from '../host/lock.ts'
import { ensure } from '../host/prerequisite.ts'
import { ensureNodejsImages, type NodejsImages } from './images.ts'

// As in kind-config/.
const name = 'capd-kubeadm-upgrader:dev'
const root = join(import.meta.dirname, '../../..')
const files = ['Dockerfile', '.dockerignore', '.npmrc', 'package.json', 'package-lock.json']

/** Ensures an engine and an image of the service as it is in the repository now, and resolves to the image's name. */
export function extensionImage(): Promise<string> {
  return interruptible(() =>
    withLabLock(async () => {
      await ensure(dockerEngine)
      return ensureImage({ title: name, built: [name], load: extensionImageBuild })
    }),
  )
}

async function extensionImageBuild() {
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')))
  const hash = await inputsHash(texts, join(root, 'src'))
  return {
    hash,
    prepare: ensureNodejsImages,
    build: async ({ node, npm }: NodejsImages) => {
      const bases = ['--build-arg', `NODE_IMAGE=${node}`, '--build-arg', `NPM_IMAGE=${npm}`]
      await run`docker build ${labelsWithInputs(hash)} ${bases} --tag ${name} ${root}`
      await pruneImages()
    },
  }
}
