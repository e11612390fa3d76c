import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { interruptible } from '../../host/run.ts'
import { docker, imageInputs, labelledFrom } from '../engine/docker.ts'
import { engine } from '../engine/engine.ts'
import { inputsHash } from '../host/cache.ts'
import { alone } from '../host/lock.ts'
import { ours } from '../host/names.ts'
import { need } from '../host/stage.ts'
import { nodeImages } from './node-base-image.ts'

// The name that kind-config/ has for it.
const name = 'capd-kubeadm-upgrader:dev'
const root = join(import.meta.dirname, '../../..')
const inputs = ['Dockerfile', '.dockerignore', '.npmrc', 'package.json', 'package-lock.json']

// The service as an image, from the repository's Dockerfile.
export function extensionImage(): Promise<string> {
  return interruptible(() =>
    alone(async () => {
      await need(engine)
      const files = await Promise.all(inputs.map((file) => readFile(join(root, file), 'utf8')))
      const hash = await inputsHash(files, join(root, 'src'))
      return need({
        title: name,
        there: async () => ((await imageInputs(name)) === hash ? name : undefined),
        needs: nodeImages,
        make: async ({ node, npm }) => {
          const bases = `--build-arg NODE_IMAGE=${node} --build-arg NPM_IMAGE=${npm}`
          await docker(`build ${labelledFrom(hash)} ${bases} --tag ${name}`, [root])
          // The image that had the name before has none now.
          await docker(`image prune --force --filter label=${ours}`)
          return name
        },
      })
    }),
  )
}
