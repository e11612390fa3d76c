import { join } from 'node:path'
import { imageFiles, inputsHash } from './cache.ts'
import { debianHash, debianImage } from './debian-image.ts'
import { docker, imageInputs, labelledFrom } from './docker.ts'
import { need } from './stage.ts'

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
