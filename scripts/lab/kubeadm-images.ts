import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { imageFiles } from './cache.ts'
import { docker } from './docker.ts'
import { type ImageContent, writeImage } from './image-archive.ts'
import { kubernetes } from './kubernetes.ts'
import { LabError } from './lab-error.ts'
import { machineImage } from './machine-image.ts'
import { program } from './programs.ts'
import { run } from './run.ts'
import * as versions from './versions.ts'

// What the images of a version are made of.
export interface Parts {
  // Folder with Kubernetes' own programs.
  release: string
  etcd: string[]
  coredns: string
  pause: string
  // Has iptables and the like, which kube-proxy calls.
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

// Writes every image that a cluster of this version runs, under the name that its kubeadm has for it.
export async function writeImages(staging: string, version: string, of: Parts): Promise<string[]> {
  const kubeadm = join(of.release, 'kubeadm')
  const list = await run(kubeadm, ['config', 'images', 'list', '--kubernetes-version', version])
  const archives: string[] = []
  for (const name of list.split('\n')) {
    for (const content of await contents(name, staging, of)) {
      archives.push(await writeImage(staging, content))
    }
  }
  return archives
}

async function contents(name: string, staging: string, of: Parts): Promise<ImageContent[]> {
  const repository = name.slice(0, name.lastIndexOf(':'))
  const component = repository.slice(repository.lastIndexOf('/') + 1)
  switch (component) {
    case 'kube-apiserver':
    case 'kube-controller-manager':
    case 'kube-scheduler':
      return [{ name, programs: [join(of.release, component)] }]
    case 'kube-proxy':
      return [{ name, programs: [join(of.release, component)], below: await packetFilters(staging, of) }]
    case 'etcd':
      return [{ name, programs: of.etcd }]
    case 'coredns':
      return [{ name, programs: [of.coredns], entrypoint: '/usr/local/bin/coredns' }]
    case 'pause': {
      const image = { programs: [of.pause], entrypoint: '/usr/local/bin/pause' }
      return versions.pause.map((tag) => ({ ...image, name: `${repository}:${tag}` }))
    }
    default:
      throw new LabError(`kubeadm of this release wants ${name}, and the lab does not know how to make it.`)
  }
}

async function packetFilters(staging: string, { machineImage }: Parts) {
  const outputFile = join(staging, 'packet-filters.tar')
  const script = await readFile(join(imageFiles, 'kube-proxy/layer.sh'), 'utf8')
  await docker(`run --rm --network none --entrypoint sh ${machineImage} -c`, [script], { outputFile })
  return outputFile
}
