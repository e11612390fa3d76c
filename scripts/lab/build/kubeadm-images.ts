import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../host/run.ts'
import { UserError } from '../../host/user-error.ts'
import { docker } from '../engine/docker.ts'
import { imageFiles } from '../host/cache.ts'
import * as versions from '../host/versions.ts'
import { type ImageContent, writeImage } from './image-archive.ts'
import { kubernetes } from './kubernetes.ts'
import { machineImage } from './machine-image.ts'
import { program } from './programs.ts'

// What the images of a version are made of.
export interface Parts {
  // Folder with Kubernetes' own programs.
  release: string
  etcd: string[]
  coredns: string
  pause: string
  // The image of a machine without Kubernetes.
  machineImage: string
}

export async function parts(version: string): Promise<Parts> {
  return {
    machineImage: await machineImage(),
    release: await kubernetes(version),
    etcd: [await program('etcd'), await program('etcdctl')],
    coredns: await program('coredns'),
    pause: await program('pause'),
  }
}

// Writes every image that a cluster of this version runs, under the name that its kubeadm has for it, and gives
// the archives. A container of the machine image lends iptables and the like, which kube-proxy calls.
export async function writeImages(staging: string, version: string, container: string, of: Parts): Promise<string[]> {
  const below = join(staging, 'packet-filters.tar')
  const script = await readFile(join(imageFiles, 'kube-proxy/layer.sh'), 'utf8')
  await docker(`exec ${container} sh -c`, [script], { outputFile: below })
  const kubeadm = join(of.release, 'kubeadm')
  const list = await run(kubeadm, ['config', 'images', 'list', '--kubernetes-version', version])
  const archives: string[] = []
  for (const name of list.split('\n')) {
    for (const content of contents(name, below, of)) {
      archives.push(await writeImage(staging, content))
    }
  }
  return archives
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
      return versions.pause.map((tag) => ({ ...image, name: `${repository}:${tag}` }))
    }
    default:
      throw new UserError(`kubeadm of this release wants ${name}, and the lab does not know how to make it.`)
  }
}
