import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isKept, keep, keptFolder } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { ensure } from '../host/prerequisite.ts'
import * as versions from '../host/versions.ts'
import { ensureGo, goBuild } from './go.ts'
import { goSources } from './sources.ts'

interface GoProgram {
  // A Go module, and its version. Without `source` it is the main package that is built.
  module?: string
  version?: string
  // The folder below `goSources` with a main package of the lab.
  source?: string
}

const programs = {
  kind: { module: 'sigs.k8s.io/kind', version: versions.kind },
  // go.etcd.io/etcd/v3 has no main package: server and client are modules of their own.
  etcd: { module: 'go.etcd.io/etcd/server/v3', version: versions.etcd },
  etcdctl: { module: 'go.etcd.io/etcd/etcdctl/v3', version: versions.etcd },
  coredns: { module: 'github.com/coredns/coredns', version: versions.coredns },
  // Kubernetes' own is written in C.
  pause: { source: 'pause' },
  // Answers HTTP, for probes of a Pod.
  serve: { source: 'serve' },
  registry: {
    module: 'github.com/distribution/distribution/v3',
    version: versions.distribution,
    source: 'registry',
  },
} satisfies Record<string, GoProgram>

/** Builds a program from its Go module, once, and resolves to its path. The name of the file is the key. */
export async function ensureGoProgram(name: keyof typeof programs): Promise<string> {
  const { module = '', version = '', source }: GoProgram = programs[name]
  const sources = source ? [join(goSources, source)] : []
  const folder = keptFolder(name, await inputsHash({ module, version }, ...sources))
  const file = join(folder, name)
  return ensure({
    title: `${name} ${version}`.trim(),
    find: async () => (isKept(folder) ? file : undefined),
    prepare: ensureGo,
    create: async () => {
      await keep(folder, async (staging) => {
        const work = join(staging, 'module')
        await mkdir(work)
        for (const from of sources) await cp(from, work, { recursive: true })
        const require = module && `\nrequire ${module} ${version}\n`
        await writeFile(join(work, 'go.mod'), `module lab.invalid/${name}\n\ngo 1.24\n${require}`)
        await goBuild(work, join(staging, name), [source ? '.' : module])
      })
      return file
    },
  })
}
