import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cache, inputsHash, isKept, keep, keptFolder } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import { clusterApi as version } from '../host/versions.ts'
import { goBuild, goRun, needGo } from './go.ts'

export interface Provider {
  // Its image as released, without the tag.
  image: string
  // The Go module that it is in, and where there its program is; the manifests are below that folder.
  module: string
  folder: string
}

const core = 'sigs.k8s.io/cluster-api'
const test = `${core}/test`

export const providers: Provider[] = [
  { image: 'registry.k8s.io/cluster-api/cluster-api-controller', module: core, folder: 'core' },
  { image: 'registry.k8s.io/cluster-api/kubeadm-bootstrap-controller', module: core, folder: 'bootstrap/kubeadm' },
  {
    image: 'registry.k8s.io/cluster-api/kubeadm-control-plane-controller',
    module: core,
    folder: 'controlplane/kubeadm',
  },
  { image: 'gcr.io/k8s-staging-cluster-api/capd-manager', module: test, folder: 'infrastructure/docker' },
]

// They are released together and need each other.
const modules = [core, `${core}/api`, test]
const required = modules.map((module) => `require ${module} ${version}`)

export function clusterApiHash() {
  return inputsHash({ required, providers })
}

// Builds the providers' programs, once, and gives a folder with `<folder>/manager` of each.
export async function clusterApi(): Promise<string> {
  const folder = keptFolder('cluster-api', await clusterApiHash())
  return need({
    title: `Cluster API ${version}`,
    there: async () => (isKept(folder) ? folder : undefined),
    needs: needGo,
    make: async () => {
      await keep(folder, build)
      return folder
    },
  })
}

async function build(staging: string) {
  const work = join(staging, 'module')
  await mkdir(work)
  await writeFile(join(work, 'go.mod'), ['module lab.invalid/cluster-api', 'go 1.24', ...required, ''].join('\n'))
  for (const { module, folder } of providers) {
    await goBuild(work, join(staging, folder, 'manager'), [`${module}/${folder}`])
  }
}

// Where Go keeps a module's files.
export async function moduleFolder(module: string): Promise<string> {
  await needGo()
  const download = await goRun(cache, 'mod', 'download', '-json', `${module}@${version}`)
  return JSON.parse(download).Dir
}
