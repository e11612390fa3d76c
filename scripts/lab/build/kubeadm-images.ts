import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../host/run.ts'
import { UserError } from '../../host/user-error.ts'
import { docker } from '../engine/docker.ts'
import { imageFiles } from '../host/cache.ts'
import type { ImageKind } from '../host/image-kind.ts'
import { arch } from '../host/names.ts'
import * as versions from '../host/versions.ts'
import { type ImageContent, writeImage, writeImageOfOneArchitecture } from './image-archive.ts'
import { kubernetes } from './kubernetes.ts'
import { machineImage } from './machine-image.ts'
import { program } from './programs.ts'

// What the images of a version are made of.
export interface Parts {
  kind: ImageKind
  // Folder with Kubernetes' own programs.
  release: string
  // The images that its kubeadm names.
  images: string[]
  etcd: string[]
  coredns: string
  pause: string
  // The image of a machine without Kubernetes.
  machineImage: string
}

export async function parts(version: string, kind: ImageKind): Promise<Parts> {
  const machine = await machineImage(kind)
  const release = await kubernetes(version)
  const list = await run(join(release, 'kubeadm'), ['config', 'images', 'list', '--kubernetes-version', version])
  const images = list.split('\n')
  const etcd = builtFor(versions.etcd, images, '/etcd:')
  return {
    kind,
    machineImage: machine,
    release,
    images,
    etcd: [await program('etcd', etcd), await program('etcdctl', etcd)],
    coredns: await program('coredns', builtFor(versions.coredns, images, '/coredns:')),
    pause: await program('pause'),
  }
}

// The version to build for the tag that kubeadm has.
function builtFor(byMinor: Record<string, string>, images: string[], component: string): string {
  const image = images.find((name) => name.includes(component)) ?? component
  const minor = image
    .slice(image.lastIndexOf(':') + 1)
    .split('.', 2)
    .join('.')
  return byMinor[minor] ?? unknown(image)
}

function unknown(image: string): never {
  throw new UserError(`kubeadm of this release wants ${image}, and the lab does not know how to make it.`)
}

/** An archive of one image, with the options of `ctr images import`, and the name that the image gets besides. */
export interface ImageArchive {
  file: string
  options: string
  tag?: { name: string; as: string }
}

// Writes every image that a cluster of this version runs, under the name that its kubeadm has for it, and gives
// the archives. A container of the machine image lends iptables and the like, which kube-proxy calls.
export async function writeImages(staging: string, container: string, of: Parts): Promise<ImageArchive[]> {
  const below = join(staging, 'packet-filters.tar')
  const script = await readFile(join(imageFiles, 'kube-proxy/layer.sh'), 'utf8')
  await docker(`exec ${container} sh -c`, [script], { outputFile: below })
  const archives: ImageArchive[] = []
  for (const name of of.images) {
    for (const content of contents(name, below, of)) archives.push(await write(staging, content, of.kind))
  }
  return archives
}

const ofKubernetes = /\/kube-[a-z-]+:/

// As kind v0.33.0 does it (pkg/build/nodeimage/buildcontext.go, imageimporter.go): what Kubernetes' build made has the
// architecture in its name and gets the name without it besides; the others are fetched for one architecture.
async function write(staging: string, content: ImageContent, kind: ImageKind): Promise<ImageArchive> {
  if (kind === 'older') return { file: await writeImage(staging, content), options: '--all-platforms' }
  if (!ofKubernetes.test(content.name)) {
    const file = await writeImageOfOneArchitecture(staging, content)
    return { file, options: `--platform linux/${arch}` }
  }
  const name = content.name.replace(/(?=:[^:]*$)/, `-${arch}`)
  const file = await writeImage(staging, { ...content, name })
  const options = '--all-platforms --digests --label=io.cri-containerd.pinned=pinned'
  return { file, options, tag: { name, as: content.name } }
}

function contents(name: string, below: string, of: Parts): ImageContent[] {
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
      return unknown(name)
  }
}
