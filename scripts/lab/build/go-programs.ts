import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isKept, keep, keptFolder } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { ensure } from '../host/prerequisite.ts'
import * as versions from '../host/versions.ts'
import { ensureCCompiler, ensureGo, goBuild } from './go.ts'
import { goSources } from './sources.ts'

interface GoProgram {
  // A Go module, and its version. Without `source` it is the main package that is built.
  module?: string
  version?: string
  // The folder below `goSources` with a main package of the lab.
  source?: string
  // Main packages by their folders in the module, each a program of that name.
  packages?: string[]
  linkerFlags?: string
  cTags?: string[]
}

const containerd = 'github.com/containerd/containerd/v2'

const programs = {
  kind: { module: 'sigs.k8s.io/kind', version: versions.kind },
  // go.etcd.io/etcd/v3 has no main package: server and client are modules of their own.
  etcd: { module: 'go.etcd.io/etcd/server/v3', version: versions.etcd['3.6'] },
  etcdctl: { module: 'go.etcd.io/etcd/etcdctl/v3', version: versions.etcd['3.6'] },
  coredns: { module: 'github.com/coredns/coredns', version: versions.coredns['v1.12'] },
  containerd: {
    module: containerd,
    version: versions.containerd,
    packages: ['cmd/containerd', 'cmd/ctr', 'cmd/containerd-shim-runc-v2'],
    linkerFlags: `-X ${containerd}/version.Version=${versions.containerd}`,
  },
  runc: {
    module: 'github.com/opencontainers/runc',
    version: versions.runc,
    // As runc's Makefile has them, and Go's own name service: a static program cannot load the C library's.
    cTags: ['seccomp', 'urfave_cli_no_docs', 'netgo', 'osusergo'],
  },
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

/**
 * Builds a program from its Go module, once, and resolves to its path. The name of the file is the key; the other programs
 * of its module are next to it. `release` is another release of the module than the usual one.
 */
export async function ensureGoProgram(name: keyof typeof programs, release?: string): Promise<string> {
  const program: GoProgram = programs[name]
  const { module = '', source, packages, linkerFlags, cTags } = program
  const version = release ?? program.version ?? ''
  const sources = source ? [join(goSources, source)] : []
  const hash = await inputsHash({ module, version, packages, linkerFlags, cTags }, ...sources)
  const folder = keptFolder(version === (program.version ?? '') ? name : `${name}-${version}`, hash)
  const file = join(folder, name)
  return ensure({
    title: `${name} ${version}`.trim(),
    find: async () => (isKept(folder) ? file : undefined),
    prepare: async () => {
      await ensureGo()
      if (cTags) await ensureCCompiler()
    },
    create: async () => {
      await keep(folder, async (staging) => {
        const work = join(staging, 'module')
        await mkdir(work)
        for (const from of sources) await cp(from, work, { recursive: true })
        const require = module && `\nrequire ${module} ${version}\n`
        await writeFile(join(work, 'go.mod'), `module lab.invalid/${name}\n\ngo 1.24\n${require}`)
        const mainPackages = packages?.map((path) => `${module}/${path}`) ?? [source ? '.' : module]
        const out = packages ? `${staging}/` : join(staging, name)
        await goBuild(work, out, mainPackages, { ...(linkerFlags && { linkerFlags }), ...(cTags && { cTags }) })
      })
      return file
    },
  })
}
