import { join } from 'node:path'
import { attempt, run } from '../../host/subprocess.ts'
import { removeContainers, runContainerd } from '../engine/containers.ts'
import { ensureImage, type ImageBuild } from '../engine/ensure-image.ts'
import { pruneImages } from '../engine/images.ts'
import { changes } from '../engine/labels.ts'
import { withStaging } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { imageKind } from '../host/image-kind.ts'
import { nodeImage } from '../host/names.ts'
import * as versions from '../host/versions.ts'
import { waitFor } from '../host/wait.ts'
import { ensureNodeImageInputs, type ImageArchive, type NodeImageInputs, writeImages } from './kubeadm-images.ts'
import { kubernetesHash } from './kubernetes.ts'
import { machineHash } from './machine-image.ts'
import { imageFiles } from './sources.ts'

/**
 * The build of the machine image of a Kubernetes version, of the kind that UPGRADER_LAB_IMAGES names. Both kinds are kept
 * under names of their own, so a lab that changes from one to the other builds nothing.
 */
export async function nodeImageBuild(version: string): Promise<ImageBuild<string>> {
  const kind = imageKind()
  const name = `capd-kubeadm-upgrader/node-image:${version}-${kind}`
  const hash = await inputsHash({
    kind,
    machine: await machineHash(kind),
    kubernetes: await kubernetesHash(version),
    programs: [versions.etcd, versions.coredns, versions.pause[kind]],
    files: await inputsHash('', join(imageFiles, 'kube-proxy')),
  })
  const load = async () => ({
    hash,
    prepare: () => ensureNodeImageInputs(version, kind),
    build: (inputs: NodeImageInputs) => build({ version, name, hash }, inputs),
  })
  return {
    hash,
    prepare: () => ensureImage({ title: name, built: [name], load }),
    build: async (built) => {
      await run`docker tag ${built} ${nodeImage(version)}`
    },
  }
}

interface Target {
  version: string
  // The name of the image, and the hash of what it is made from.
  name: string
  hash: string
}

// Adds the programs and images of the version, and of no other, to a container of the machine image, and commits it.
async function build({ version, name, hash }: Target, inputs: NodeImageInputs): Promise<void> {
  const container = `capd-kubeadm-upgrader-build-${version}`
  await withStaging(`node-${version}`, async (staging) => {
    try {
      await runContainerd(container, inputs.machineImage, 'none')
      for (const archive of await writeImages(staging, container, inputs)) await importArchive(container, archive)
      await run`docker exec ${container} pkill -x containerd`
      const hasEnded = async () => (await attempt`docker exec ${container} pgrep -x containerd`) === undefined
      await waitFor('containerd has ended', 30, hasEnded)
      for (const program of ['kubeadm', 'kubelet', 'kubectl']) {
        await run`docker cp ${join(inputs.release, program)} ${container}:/usr/bin/${program}`
      }
      await run`docker exec ${container} sh -c ${`echo ${version} >/kind/version`}`
      const instructions = changes(hash, 'ENTRYPOINT ["/usr/local/bin/entrypoint"]')
      await run`docker commit ${instructions} ${container} ${name}`
      await pruneImages()
    } finally {
      await removeContainers([container])
    }
  })
}

// Packed, as in kind's own images: the first container that needs an image unpacks it.
async function importArchive(container: string, { file, flags, tag }: ImageArchive): Promise<void> {
  const ctr = ['ctr', '--namespace', 'k8s.io', 'images']
  const load = run({ inputFile: file })
  await load`docker exec --interactive ${container} ${ctr} import --no-unpack ${flags} -`
  if (tag) await run`docker exec ${container} ${ctr} tag --force ${tag.name} ${tag.as}`
}
