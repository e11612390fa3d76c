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
import { type ImageKind, imageKind } from '../host/image-kind.ts'
import { nodeImage, ours } from '../host/names.ts'
import { poll } from '../host/poll.ts'
import { need } from '../host/stage.ts'
import * as versions from '../host/versions.ts'
import { type ImageArchive, type Parts, parts, writeImages } from './kubeadm-images.ts'
import { kubernetesHash } from './kubernetes.ts'
import { machineHash } from './machine-image.ts'

// The machine image of a Kubernetes version: the engine's own or a registry's where there is one, else built, of the kind
// that UPGRADER_LAB_IMAGES names. Either way it has the same name.
export async function needNodeImage(version: string): Promise<string> {
  const name = nodeImage(version)
  const kind = imageKind()
  const hash = await builtHash(version, kind)
  return need({
    title: `${name} (${kind})`,
    there: async () => {
      const inputs = await imageInputs(name)
      return inputs === '' || inputs === hash ? name : undefined
    },
    needs: async () => {
      if ((await imageInputs(builtName(version, kind))) !== hash && (await canPull(name))) return undefined
      return builtImage(version, kind, hash)
    },
    make: async (built) => {
      if (built) await docker(`tag ${built} ${name}`)
      else await pull(name)
      return name
    },
  })
}

// Both kinds are kept: a lab that changes from one to the other builds nothing.
const builtName = (version: string, kind: ImageKind) => `capd-kubeadm-upgrader/node-image:${version}-${kind}`

async function builtHash(version: string, kind: ImageKind): Promise<string> {
  return inputsHash({
    kind,
    machine: await machineHash(kind),
    kubernetes: await kubernetesHash(version),
    programs: [versions.etcd, versions.coredns, versions.pause[kind]],
    files: await inputsHash('', join(imageFiles, 'kube-proxy')),
  })
}

function builtImage(version: string, kind: ImageKind, hash: string): Promise<string> {
  const name = builtName(version, kind)
  return need({
    title: name,
    there: async () => ((await imageInputs(name)) === hash ? name : undefined),
    needs: () => parts(version, kind),
    make: async (ingredients) => {
      await build(version, name, hash, ingredients)
      return name
    },
  })
}

// Puts one version's programs and images, and no other's, into a container of the machine image.
async function build(version: string, name: string, hash: string, ingredients: Parts) {
  const container = `capd-kubeadm-upgrader-build-${version}`
  await withStaging(`node-${version}`, async (staging) => {
    try {
      await runContainerd(container, ingredients.machineImage, 'none')
      for (const archive of await writeImages(staging, container, ingredients)) await load(container, archive)
      await docker(`exec ${container} pkill -x containerd`)
      const isGone = async () => (await tryDocker(`exec ${container} pgrep -x containerd`)) === undefined
      await poll('containerd has ended', 30, isGone)
      for (const program of ['kubeadm', 'kubelet', 'kubectl']) {
        await docker('cp', [join(ingredients.release, program), `${container}:/usr/bin/${program}`])
      }
      await docker(`exec ${container} sh -c`, [`echo ${version} >/kind/version`])
      const instructions = changes(hash, 'ENTRYPOINT ["/usr/local/bin/entrypoint"]')
      await docker('commit', [...instructions, container, name])
      // The image that had the name before has none now.
      await docker(`image prune --force --filter label=${ours}`)
    } finally {
      await removeContainers([container])
    }
  })
}

// Left packed, as in kind's own images: the first container that needs an image unpacks it.
async function load(container: string, { file, options, tag }: ImageArchive) {
  const images = `ctr --namespace k8s.io images`
  const load = `${images} import --no-unpack ${options} -`
  await docker(`exec --interactive ${container} ${load}`, [], { inputFile: file })
  if (tag) await docker(`exec ${container} ${images} tag --force ${tag.name} ${tag.as}`)
}
