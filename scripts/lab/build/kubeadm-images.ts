import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import * as versions from '../host/versions.ts'
import { ensureGoProgram } from './go-programs.ts'
import { type ImageContent, writeImage } from './image-archive.ts'
import { ensureKubernetesPrograms } from './kubernetes.ts'
import { ensureMachineImage } from './machine-image.ts'
import { imageFiles } from './sources.ts'

/** What the images of a Kubernetes version are made from: paths of programs, and the name of an image. */
export interface NodeImageInputs {
  /** The folder with Kubernetes' own programs. */
  release: string
  etcd: string[]
  coredns: string
  pause: string
  /** The image of a machine without Kubernetes. */
  machineImage: string
}

/** Ensures what the images of a Kubernetes version are made from. */
export async function ensureNodeImageInputs(version: string): Promise<NodeImageInputs> {
  return {
    machineImage: await ensureMachineImage(),
    release: await ensureKubernetesPrograms(version),
    etcd: [await ensureGoProgram('etcd'), await ensureGoProgram('etcdctl')],
    coredns: await ensureGoProgram('coredns'),
    pause: await ensureGoProgram('pause'),
  }
}

/**
 * Writes an archive of every image that a cluster of a version runs, by the name that its kubeadm has for it, and
 * resolves to their paths. `container` is one of the machine image: kube-proxy's image gets iptables and the like from it.
 */
export async function writeImages(
  staging: string,
  version: string,
  container: string,
  of: NodeImageInputs,
): Promise<string[]> {
  const below = join(staging, 'packet-filters.tar')
  const script = await readFile(join(imageFiles, 'kube-proxy/layer.sh'), 'utf8')
  await run({ outputFile: below })`docker exec ${container} sh -c ${script}`
  const kubeadm = join(of.release, 'kubeadm')
  const list = await run`${kubeadm} config images list --kubernetes-version ${version}`
  const archives: string[] = []
  for (const name of list.split('\n')) {
    for (const content of contents(name, below, of)) {
      archives.push(await writeImage(staging, content))
    }
  }
  return archives
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
      return versions.pause.map((tag) => ({ ...image, name: `${repository}:${tag}` }))
    }
    default:
      throw new UserError(`The kubeadm of this release requires ${name}, which the lab cannot build.`)
  }
}
