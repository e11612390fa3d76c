import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { cache, isKept, keep, keptFolder } from '../host/cache.ts'
import { inputsHash, sha256 } from '../host/hash.ts'
import { ensure } from '../host/prerequisite.ts'
import { ensureGo, goBuild, goRun } from './go.ts'
import { goSources } from './sources.ts'

/** The folder of the releases that the lab has built: `<version>/<program>`, and `<program>.sha256` next to it. */
export const releaseFolder = join(cache, 'releases')

const source = join(goSources, 'kubernetes')
const components = ['kubeadm', 'kubelet', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy']

/** The hash of what the programs of a Kubernetes version are built from. */
export function kubernetesHash(version: string): Promise<string> {
  return inputsHash({ version, components, stamp: stamp(version) }, source)
}

/**
 * Builds the programs of a Kubernetes version from the Go module k8s.io/kubernetes, once, and resolves to their folder.
 */
export async function ensureKubernetesPrograms(version: string): Promise<string> {
  const folder = keptFolder(`kubernetes-${version}`, await kubernetesHash(version))
  return ensure({
    title: `Kubernetes ${version}`,
    find: async () => (isKept(folder) && isKept(join(releaseFolder, version)) ? folder : undefined),
    prepare: ensureGo,
    create: async () => {
      if (!isKept(folder)) await keep(folder, (staging) => build(version, staging))
      await publish(version, folder)
      return folder
    },
  })
}

async function build(version: string, staging: string): Promise<void> {
  const module = join(staging, 'module')
  await cp(source, module, { recursive: true })
  await writeFile(join(module, 'go.mod'), await moduleFile(version))
  await goRun(module, 'mod', 'tidy')
  const packages = components.map((name) => `k8s.io/kubernetes/cmd/${name}`)
  await goBuild(module, `${staging}/`, [...packages, './kubectl'], { linkerFlags: stamp(version) })
  for (const name of [...components, 'kubectl']) {
    await writeFile(join(staging, `${name}.sha256`), await sha256(join(staging, name)))
  }
}

// Adds the folder to the releases, in one step.
async function publish(version: string, folder: string): Promise<void> {
  const link = join(releaseFolder, `.${version}.tmp`)
  await mkdir(releaseFolder, { recursive: true })
  await rm(link, { force: true })
  await symlink(join('..', basename(folder)), link)
  await rename(link, join(releaseFolder, version))
}

// What `go mod edit -json` prints of a go.mod, in part.
interface GoMod {
  Go: string
  Godebug?: { Key: string; Value: string }[]
  Replace: { Old: { Path: string }; New: { Path: string } }[]
}

// The go.mod of a module that requires Kubernetes. Kubernetes' own takes its libraries from folders, such as k8s.io/api
// from ./staging/src/k8s.io/api. Here each is replaced by the module that was published with the same release.
async function moduleFile(version: string): Promise<string> {
  const download = await goRun(cache, 'mod', 'download', '-json', `k8s.io/kubernetes@${version}`)
  const kubernetes: GoMod = JSON.parse(await goRun(cache, 'mod', 'edit', '-json', JSON.parse(download).GoMod))
  const libraries = kubernetes.Replace.filter(({ New }) => New.Path.startsWith('./staging/'))
  const published = version.replace('v1.', 'v0.')
  return [
    'module lab.invalid/kubernetes',
    `go ${kubernetes.Go}`,
    ...(kubernetes.Godebug ?? []).map(({ Key, Value }) => `godebug ${Key}=${Value}`),
    `require k8s.io/kubernetes ${version}`,
    ...libraries.map(({ Old: { Path } }) => `replace ${Path} => ${Path} ${published}`),
    '',
  ].join('\n')
}

// The linker flags of a release build. A kubeadm without them takes its version for v0.0.0 and fails.
function stamp(version: string): string {
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
