import { join } from 'node:path'
import { docker, imageInputs, labelledFrom } from '../engine/docker.ts'
import { imageFiles, inputsHash } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import { debianHash, debianImage } from './debian-image.ts'

const name = 'capd-kubeadm-upgrader/machine'
const folder = join(imageFiles, 'machine')

export const machineHash = async () => inputsHash(await debianHash(), folder)

// A machine without Kubernetes: see image/machine/Dockerfile.
export async function machineImage(): Promise<string> {
  const hash = await machineHash()
  return need({
    title: 'machine image without Kubernetes',
    there: async () => ((await imageInputs(name)) === hash ? name : undefined),
    needs: debianImage,
    make: async () => {
      await docker(`build ${labelledFrom(hash)} --tag ${name}`, [folder])
      return name
    },
  })
}
