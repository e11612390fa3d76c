import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { cache, goSources, inputsHash, isKept, keep, keptFolder } from '../host/cache.ts'
import { sha256 } from '../host/sha256.ts'
import { need } from '../host/stage.ts'
import { goBuild, goRun, needGo } from './go.ts'

// Built releases, `<version>/<program>` with `<program>.sha256` beside it.
export const releaseFolder = join(cache, 'releases')

const source = join(goSources, 'kubernetes')
const components = ['kubeadm', 'kubelet', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy']

export function kubernetesHash(version: string) {
  return inputsHash({ version, components, stamp: stamp(version) }, source)
}

// Builds the programs of a Kubernetes version from the Go module k8s.io/kubernetes, once, and gives their folder.
export async function kubernetes(version: string): Promise<string> {
  const folder = keptFolder(`kubernetes-${version}`, await kubernetesHash(version))
  return need({
    title: `Kubernetes ${version}`,
    there: async () => (isKept(folder) && isKept(join(releaseFolder, version)) ? folder : undefined),
    needs: needGo,
    make: async () => {
      if (!isKept(folder)) await keep(folder, (staging) => build(version, staging))
      await publish(version, folder)
      return folder
    },
  })
}

async function build(version: string, staging: string) {
  const module = join(staging, 'module')
  await cp(source, module, { recursive: true })
  await writeFile(join(module, 'go.mod'), await moduleFile(version))
  await goRun(module, 'mod', 'tidy')
  const packages = components.map((name) => `k8s.io/kubernetes/cmd/${name}`)
  await goBuild(module, `${staging}/`, [...packages, './kubectl'], stamp(version))
  for (const name of [...components, 'kubectl']) {
    await writeFile(join(staging, `${name}.sha256`), await sha256(join(staging, name)))
  }
}

// Names the folder among the releases, in one step.
async function publish(version: string, folder: string) {
  const link = join(releaseFolder, `.${version}.tmp`)
  await mkdir(releaseFolder, { recursive: true })
  await rm(link, { force: true })
  await symlink(join('..', basename(folder)), link)
  await rename(link, join(releaseFolder, version))
}

interface GoMod {
  Go: string
  Godebug?: { Key: string; Value: string }[]
  Replace: { Old: { Path: string }; New: { Path: string } }[]
}

// A module that needs Kubernetes. Kubernetes' own go.mod takes its libraries from folders beside it, k8s.io/api
// from ./staging and so on: here each is replaced by what was published of it with this release.
async function moduleFile(version: string) {
  const download = await goRun(cache, 'mod', 'download', '-json', `k8s.io/kubernetes@${version}`)
  const theirs: GoMod = JSON.parse(await goRun(cache, 'mod', 'edit', '-json', JSON.parse(download).GoMod))
  const libraries = theirs.Replace.filter(({ New }) => New.Path.startsWith('./staging/'))
  const published = version.replace('v1.', 'v0.')
  return [
    'module lab.invalid/kubernetes',
    `go ${theirs.Go}`,
    ...(theirs.Godebug ?? []).map(({ Key, Value }) => `godebug ${Key}=${Value}`),
    `require k8s.io/kubernetes ${version}`,
    ...libraries.map(({ Old: { Path } }) => `replace ${Path} => ${Path} ${published}`),
    '',
  ].join('\n')
}

// What a release build writes into its programs: without it kubeadm takes itself for v0.0.0 and refuses to work.
function stamp(version: string) {
  const [, minor] = version.split('.')
  const values = [
    `gitVersion=${version}`,
    'gitMajor=1',
    `gitMinor=${minor}`,
    'gitTreeState=clean',
    `gitCommit=${'0'.repeat(40)}`,
    'buildDate=2026-01-01T00:00:00Z',
  ]
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
  return packages.flatMap((name) => values.map((value) => `-X ${name}.${value}`)).join(' ')
}
