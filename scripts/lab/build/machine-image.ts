import { cp } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { docker, imageInputs, labelledFrom } from '../engine/docker.ts'
import { imageFiles, inputsHash, withStaging } from '../host/cache.ts'
import type { ImageKind } from '../host/image-kind.ts'
import { need } from '../host/stage.ts'
import { containerd, runc } from '../host/versions.ts'
import { debianHash, debianImage } from './debian-image.ts'
import { program } from './programs.ts'

const older = { name: 'capd-kubeadm-upgrader/machine', folder: join(imageFiles, 'machine') }
const released = { name: 'capd-kubeadm-upgrader/machine-released', folder: join(imageFiles, 'machine-released') }

const olderHash = async () => inputsHash(await debianHash(), older.folder)

export async function machineHash(kind: ImageKind): Promise<string> {
  if (kind === 'older') return olderHash()
  return inputsHash({ below: await olderHash(), containerd, runc }, released.folder)
}

// A machine without Kubernetes: see the Dockerfiles in image/machine/ and image/machine-released/.
export function machineImage(kind: ImageKind): Promise<string> {
  return kind === 'older' ? olderImage() : releasedImage()
}

async function olderImage(): Promise<string> {
  const hash = await olderHash()
  return need({
    title: 'machine image without Kubernetes',
    there: async () => ((await imageInputs(older.name)) === hash ? older.name : undefined),
    needs: debianImage,
    make: async () => {
      await docker(`build ${labelledFrom(hash)} --tag ${older.name}`, [older.folder])
      return older.name
    },
  })
}

async function releasedImage(): Promise<string> {
  const hash = await machineHash('released')
  return need({
    title: `machine image without Kubernetes, with containerd ${containerd}`,
    there: async () => ((await imageInputs(released.name)) === hash ? released.name : undefined),
    needs: async () => {
      await olderImage()
      const besideContainerd = dirname(await program('containerd'))
      return [
        ...['containerd', 'ctr', 'containerd-shim-runc-v2'].map((name) => join(besideContainerd, name)),
        await program('runc'),
      ]
    },
    make: async (programs) => {
      await withStaging('machine-released', async (staging) => {
        await cp(released.folder, staging, { recursive: true })
        for (const program of programs) await cp(program, join(staging, 'programs', basename(program)))
        await docker(`build ${labelledFrom(hash)} --tag ${released.name}`, [staging])
      })
      return released.name
    },
  })
}
