import { join } from 'node:path'
import { attempt, run } from '../../host/subprocess.ts'
import { removeContainers, runContainerd } from '../engine/containers.ts'
import type { ImageBuild } from '../engine/ensure-image.ts'
import { pruneImages } from '../engine/images.ts'
import { changes } from '../engine/labels.ts'
import { withStaging } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { nodeImage } from '../host/names.ts'
import * as versions from '../host/versions.ts'
import { waitFor } from '../host/wait.ts'
import { ensureNodeImageInputs, type NodeImageInputs, writeImages } from './kubeadm-images.ts'
import { kubernetesHash } from './kubernetes.ts'
import { machineHash } from './machine-image.ts'
import { imageFiles } from './sources.ts'

/** The build of the machine image of a Kubernetes version: the programs and images of that version and of no other. */
export async function nodeImageBuild(version: string): Promise<ImageBuild<NodeImageInputs>> {
  const hash = await inputsHash({
    machine: await machineHash(),
    kubernetes: await kubernetesHash(version),
    programs: [versions.etcd, versions.coredns, versions.pause],
    files: await inputsHash('', join(imageFiles, 'kube-proxy')),
  })
  return {
    hash,
    prepare: () => ensureNodeImageInputs(version),
    build: (inputs) => build(version, hash, inputs),
  }
}

// Adds the programs and images to a container of the machine image, and commits it.
async function build(version: string, hash: string, inputs: NodeImageInputs): Promise<void> {
  const container = `capd-kubeadm-upgrader-build-${version}`
  await withStaging(`node-${version}`, async (staging) => {
    try {
      await runContainerd(container, inputs.machineImage, 'none')
      for (const archive of await writeImages(staging, version, container, inputs)) {
        // Packed, as in kind's own images: the first container that needs an image unpacks it.
        const load = run({ inputFile: archive })
        const ctr = ['ctr', '--namespace', 'k8s.io', 'images', 'import', '--all-platforms', '--no-unpack', '-']
        await load`docker exec --interactive ${container} ${ctr}`
      }
      await run`docker exec ${container} pkill -x containerd`
      const hasEnded = async () => (await attempt`docker exec ${container} pgrep -x containerd`) === undefined
      await waitFor('containerd has ended', 30, hasEnded)
      for (const name of ['kubeadm', 'kubelet', 'kubectl']) {
        await run`docker cp ${join(inputs.release, name)} ${container}:/usr/bin/${name}`
      }
      await run`docker exec ${container} sh -c ${`echo ${version} >/kind/version`}`
      const instructions = changes(hash, 'ENTRYPOINT ["/usr/local/bin/entrypoint"]')
      await run`docker commit ${instructions} ${container} ${nodeImage(version)}`
      await pruneImages()
    } finally {
      await removeContainers([container])
    }
  })
}
