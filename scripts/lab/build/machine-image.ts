import { cp } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import { ensureImage } from '../engine/ensure-image.ts'
import { labelsWithInputs } from '../engine/labels.ts'
import { withStaging } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import type { ImageKind } from '../host/image-kind.ts'
import { containerd, runc } from '../host/versions.ts'
import { debianHash, ensureDebianImage } from './debian-image.ts'
import { ensureGoProgram } from './go-programs.ts'
import { imageFiles } from './sources.ts'

const older = { name: 'capd-kubeadm-upgrader/machine', folder: join(imageFiles, 'machine') }
const released = { name: 'capd-kubeadm-upgrader/machine-released', folder: join(imageFiles, 'machine-released') }

/** The hash of what the machine image without Kubernetes is made from. */
export async function machineHash(kind: ImageKind): Promise<string> {
  const below = await inputsHash(await debianHash(), older.folder)
  return kind === 'older' ? below : inputsHash({ below, containerd, runc }, released.folder)
}

/**
 * Ensures the image of a machine without Kubernetes, see image/machine/Dockerfile and image/machine-released/Dockerfile,
 * and resolves to its name.
 */
export function ensureMachineImage(kind: ImageKind): Promise<string> {
  return kind === 'older' ? ensureOlderImage() : ensureReleasedImage()
}

function ensureOlderImage(): Promise<string> {
  const { name, folder } = older
  return ensureImage({
    title: 'machine image without Kubernetes',
    built: [name],
    load: async () => {
      const hash = await machineHash('older')
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

function ensureReleasedImage(): Promise<string> {
  const { name, folder } = released
  return ensureImage({
    title: `machine image without Kubernetes, with containerd ${containerd}`,
    built: [name],
    load: async () => {
      const hash = await machineHash('released')
      return {
        hash,
        prepare: ensureRuntime,
        build: async (programs) => {
          await withStaging('machine-released', async (staging) => {
            await cp(folder, staging, { recursive: true })
            for (const program of programs) await cp(program, join(staging, 'programs', basename(program)))
            await run`docker build ${labelsWithInputs(hash)} --tag ${name} ${staging}`
          })
        },
      }
    },
  })
}

// What the Dockerfile adds to the other machine image. Resolves to the paths of the programs.
async function ensureRuntime(): Promise<string[]> {
  await ensureOlderImage()
  const folder = dirname(await ensureGoProgram('containerd'))
  const ofContainerd = ['containerd', 'ctr', 'containerd-shim-runc-v2'].map((program) => join(folder, program))
  return [...ofContainerd, await ensureGoProgram('runc')]
}
