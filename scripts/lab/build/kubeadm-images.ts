import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import type { ImageKind } from '../host/image-kind.ts'
import { arch } from '../host/names.ts'
import * as versions from '../host/versions.ts'
import { ensureGoProgram } from './go-programs.ts'
import { type ImageContent, writeImage, writeIndexedImage } from './image-archive.ts'
import { ensureKubernetesPrograms } from './kubernetes.ts'
import { ensureMachineImage } from './machine-image.ts'
import { imageFiles } from './sources.ts'

/** What the images of a Kubernetes version are made from: paths of programs, and names of images. */
export interface NodeImageInputs {
  kind: ImageKind
  /** The folder with Kubernetes' own programs. */
  release: string
  /** The images that its kubeadm requires. */
  images: string[]
  etcd: string[]
  coredns: string
  pause: string
  /** The image of a machine without Kubernetes. */
  machineImage: string
}

/** Ensures what the images of a Kubernetes version are made from. */
export async function ensureNodeImageInputs(version: string, kind: ImageKind): Promise<NodeImageInputs> {
  const machineImage = await ensureMachineImage(kind)
  const release = await ensureKubernetesPrograms(version)
  const list = await run`${join(release, 'kubeadm')} config images list --kubernetes-version ${version}`
  const images = list.split('\n')
  const etcd = releaseFor(images, '/etcd:', versions.etcd)
  return {
    kind,
    machineImage,
    release,
    images,
    etcd: [await ensureGoProgram('etcd', etcd), await ensureGoProgram('etcdctl', etcd)],
    coredns: await ensureGoProgram('coredns', releaseFor(images, '/coredns:', versions.coredns)),
    pause: await ensureGoProgram('pause'),
  }
}

// The release to build for an image of kubeadm's list.
function releaseFor(images: string[], component: string, byMinor: Record<string, string>): string {
  const image = images.find((name) => name.includes(component)) ?? component
  const minor = image
    .slice(image.lastIndexOf(':') + 1)
    .split('.', 2)
    .join('.')
  return byMinor[minor] ?? failUnknown(image)
}

function failUnknown(image: string): never {
  throw new UserError(`The kubeadm of this release requires ${image}, which the lab cannot build.`)
}

/** An archive with one image, and how containerd gets it. */
export interface ImageArchive {
  file: string
  /** Flags of `ctr images import`. */
  flags: string[]
  /** A second name for the image of that name. */
  tag?: { name: string; as: string }
}

/**
 * Writes an archive of every image that a cluster of a version runs, by the name that its kubeadm has for it. `container`
 * is one of the machine image: kube-proxy's image gets iptables and the like from it.
 */
export async function writeImages(staging: string, container: string, of: NodeImageInputs): Promise<ImageArchive[]> {
  const below = join(staging, 'packet-filters.tar')
  const script = await readFile(join(imageFiles, 'kube-proxy/layer.sh'), 'utf8')
  await run({ outputFile: below })`docker exec ${container} sh -c ${script}`
  const archives: ImageArchive[] = []
  for (const name of of.images) {
    for (const content of contents(name, below, of)) archives.push(await writeArchive(staging, content, of.kind))
  }
  return archives
}

const ofKubernetes = /\/kube-[a-z-]+:/

// As kind v0.33.0 (pkg/build/nodeimage/buildcontext.go, imageimporter.go): images of Kubernetes' own build are imported
// with the architecture in their names and get a second name without it; others are fetched for one architecture.
async function writeArchive(staging: string, content: ImageContent, kind: ImageKind): Promise<ImageArchive> {
  if (kind === 'older') return { file: await writeImage(staging, content), flags: ['--all-platforms'] }
  if (!ofKubernetes.test(content.name)) {
    return { file: await writeIndexedImage(staging, content), flags: ['--platform', `linux/${arch}`] }
  }
  const name = content.name.replace(/(?=:[^:]*$)/, `-${arch}`)
  return {
    file: await writeImage(staging, { ...content, name }),
    flags: ['--all-platforms', '--digests', '--label=io.cri-containerd.pinned=pinned'],
    tag: { name, as: content.name },
  }
}

function contents(name: string, below: string, of: NodeImageInputs): ImageContent[] {
  const repository = name.slice(0, name.lastIndexOf(':'))
  const component = repository.slice(repository.lastIndexOf('/') + 1)
  switch (component) {
    case 'kube-apiserver':
    case 'kube-controller-manager':
    case 'kube-scheduler':
      return [{ name, programs: [join(of.release, component)] }]
    case 'kube-proxy':
      return [{ name, programs: [join(of.release, component)], below }]
    case 'etcd':
      return [{ name, programs: of.etcd }]
    case 'coredns':
      return [{ name, programs: [of.coredns], entrypoint: '/usr/local/bin/coredns' }]
    case 'pause': {
      const image = { programs: [of.pause], entrypoint: '/usr/local/bin/pause' }
      return versions.pause[of.kind].map((tag) => ({ ...image, name: `${repository}:${tag}` }))
    }
    default:
      return failUnknown(name)
  }
}
