import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cache, isKept, keep, keptFolder } from '../host/cache.ts'
import { type ClusterApiRelease, keptNameOf, type Provider, packageOf } from '../host/cluster-api-releases.ts'
import { inputsHash } from '../host/hash.ts'
import { ensure } from '../host/prerequisite.ts'
import { ensureGo, goBuild, goRun } from './go.ts'

/** The lines of a go.mod that require the modules of a release. */
export function requiredModules({ version, modules }: ClusterApiRelease): string[] {
  return modules.map((module) => `require ${module} ${version}`)
}

/** The hash of what the providers' programs are built from. */
export function clusterApiHash(release: ClusterApiRelease): Promise<string> {
  return inputsHash({ required: requiredModules(release), providers: release.providers })
}

/** Builds the providers' programs, once, and resolves to a folder with `<folder>/manager` of each provider. */
export async function ensureClusterApiPrograms(release: ClusterApiRelease): Promise<string> {
  const folder = keptFolder(keptNameOf(release, 'cluster-api'), await clusterApiHash(release))
  return ensure({
    title: `Cluster API ${release.version}`,
    find: async () => (isKept(folder) ? folder : undefined),
    prepare: ensureGo,
    create: async () => {
      await keep(folder, (staging) => build(release, staging))
      return folder
    },
  })
}

async function build(release: ClusterApiRelease, staging: string): Promise<void> {
  const work = join(staging, 'module')
  await mkdir(work)
  const lines = ['module lab.invalid/cluster-api', 'go 1.24', ...requiredModules(release), '']
  await writeFile(join(work, 'go.mod'), lines.join('\n'))
  for (const provider of release.providers) await goBuild(work, managerOf(provider, staging), [packageOf(provider)])
}

/** The path of a provider's program below the folder of `ensureClusterApiPrograms`. */
export function managerOf({ folder }: Pick<Provider, 'folder'>, programs: string): string {
  return join(programs, folder, 'manager')
}

/** The folder in which Go keeps the files of a module of a release. Needs Go, and its module proxy the first time. */
export async function moduleFolder({ version }: ClusterApiRelease, module: string): Promise<string> {
  await ensureGo()
  const download = await goRun(cache, 'mod', 'download', '-json', `${module}@${version}`)
  return JSON.parse(download).Dir
}
