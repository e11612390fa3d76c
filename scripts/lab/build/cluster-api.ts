import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cache, isKept, keep, keptFolder } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { ensure } from '../host/prerequisite.ts'
import { type Provider, providers } from '../host/providers.ts'
import { clusterApi as version } from '../host/versions.ts'
import { ensureGo, goBuild, goRun } from './go.ts'

const core = 'sigs.k8s.io/cluster-api'

// The modules are released together, and each requires the same version of the others.
const modules = [core, `${core}/api`, `${core}/test`]
const required = modules.map((module) => `require ${module} ${version}`)

/** The hash of what the providers' programs are built from. */
export function clusterApiHash(): Promise<string> {
  return inputsHash({ required, providers })
}

/** Builds the providers' programs, once, and resolves to a folder with `<folder>/manager` of each provider. */
export async function ensureClusterApiPrograms(): Promise<string> {
  const folder = keptFolder('cluster-api', await clusterApiHash())
  return ensure({
    title: `Cluster API ${version}`,
    find: async () => (isKept(folder) ? folder : undefined),
    prepare: ensureGo,
    create: async () => {
      await keep(folder, build)
      return folder
    },
  })
}

async function build(staging: string): Promise<void> {
  const work = join(staging, 'module')
  await mkdir(work)
  await writeFile(join(work, 'go.mod'), ['module lab.invalid/cluster-api', 'go 1.24', ...required, ''].join('\n'))
  for (const { module, folder } of providers)
    await goBuild(work, managerOf({ folder }, staging), [`${module}/${folder}`])
}

/** The path of a provider's program below the folder of `ensureClusterApiPrograms`. */
export function managerOf({ folder }: Pick<Provider, 'folder'>, programs: string): string {
  return join(programs, folder, 'manager')
}

/** The folder in which Go keeps the files of a module of Cluster API. Needs Go, and its module proxy the first time. */
export async function moduleFolder(module: string): Promise<string> {
  await ensureGo()
  const download = await goRun(cache, 'mod', 'download', '-json', `${module}@${version}`)
  return JSON.parse(download).Dir
}
