import { join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import { ensureImage } from '../engine/ensure-image.ts'
import { labelsWithInputs } from '../engine/labels.ts'
import { inputsHash } from '../host/hash.ts'
import { debianHash, ensureDebianImage } from './debian-image.ts'
import { imageFiles } from './sources.ts'

const name = 'capd-kubeadm-upgrader/machine'
const folder = join(imageFiles, 'machine')

/** The hash of what the machine image without Kubernetes is made from. */
export async function machineHash(): Promise<string> {
  return inputsHash(await debianHash(), folder)
}

/** Ensures the image of a machine without Kubernetes, see image/machine/Dockerfile, and resolves to its name. */
export function ensureMachineImage(): Promise<string> {
  return ensureImage({
    title: 'machine image without Kubernetes',
    built: [name],
    load: async () => {
      const hash = await machineHash()
      return {
        hash,
        prepare: ensureDebianImage,
        build: async () => {
          await run`docker build ${labelsWithInputs(hash)} --tag ${name} ${folder}`
        },
      }
    },
  })
}
