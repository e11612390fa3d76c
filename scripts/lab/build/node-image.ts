import { join } from 'node:path'
import {
  canPull,
  changes,
  docker,
  imageInputs,
  pull,
  removeContainers,
  runContainerd,
  tryDocker,
} from '../engine/docker.ts'
import { imageFiles, inputsHash, withStaging } from '../host/cache.ts'
import { nodeImage, ours } from '../host/names.ts'
import { poll } from '../host/poll.ts'
import { need } from '../host/stage.ts'
import * as versions from '../host/versions.ts'
import { type Parts, parts, writeImages } from './kubeadm-images.ts'
import { kubernetesHash } from './kubernetes.ts'
import { machineHash } from './machine-image.ts'

// The machine image of a Kubernetes version: the engine's own or a registry's where there is one, else built.
// Either way it has the same name.
export async function needNodeImage(version: string): Promise<string> {
  const name = nodeImage(version)
  const hash = await inputsHash({
    machine: await machineHash(),
    kubernetes: await kubernetesHash(version),
    programs: [versions.etcd, versions.coredns, versions.pause],
    files: await inputsHash('', join(imageFiles, 'kube-proxy')),
  })
  return need({
    title: name,
    there: async () => {
      const inputs = await imageInputs(name)
      return inputs === '' || inputs === hash ? name : undefined
    },
    needs: async () => ((await canPull(name)) ? undefined : parts(version)),
    make: async (ingredients) => {
      if (ingredients) await build(version, hash, ingredients)
      else await pull(name)
      return name
    },
  })
}

// Puts one version's programs and images, and no other's, into a container of the machine image.
async function build(version: string, hash: string, ingredients: Parts) {
  const container = `capd-kubeadm-upgrader-build-${version}`
  await withStaging(`node-${version}`, async (staging) => {
    try {
      await runContainerd(container, ingredients.machineImage, 'none')
      for (const archive of await writeImages(staging, version, container, ingredients)) {
        // Left packed, as in kind's own images: the first container that needs an image unpacks it.
        const load = 'ctr --namespace k8s.io images import --all-platforms --no-unpack -'
        await docker(`exec --interactive ${container} ${load}`, [], { inputFile: archive })
      }
      await docker(`exec ${container} pkill -x containerd`)
      const isGone = async () => (await tryDocker(`exec ${container} pgrep -x containerd`)) === undefined
      await poll('containerd has ended', 30, isGone)
      for (const name of ['kubeadm', 'kubelet', 'kubectl']) {
        await docker('cp', [join(ingredients.release, name), `${container}:/usr/bin/${name}`])
      }
      await docker(`exec ${container} sh -c`, [`echo ${version} >/kind/version`])
      const instructions = changes(hash, 'ENTRYPOINT ["/usr/local/bin/entrypoint"]')
      await docker('commit', [...instructions, container, nodeImage(version)])
      // The image that had the name before has none now.
      await docker(`image prune --force --filter label=${ours}`)
    } finally {
      await removeContainers([container])
    }
  })
}
