import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { goSources, inputsHash, isKept, keep, keptFolder } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import * as versions from '../host/versions.ts'
import { goBuild, needC, needGo } from './go.ts'

interface Program {
  // A Go module that can be built by itself.
  module?: string
  version?: string
  // Its main package is ours, in the folder of this name below go/.
  source?: string
  // Main packages below the module, each a program named after its folder; else the module itself is one.
  packages?: string[]
  // Linker options with which it names its version.
  stamp?: string
  // Tags of a program that is partly written in C.
  cTags?: string[]
}

const containerd = 'github.com/containerd/containerd/v2'

// Programs under the name of the file that comes out.
const programs = {
  kind: { module: 'sigs.k8s.io/kind', version: versions.kind },
  // go.etcd.io/etcd/v3 holds no program: server and client are modules of their own.
  etcd: { module: 'go.etcd.io/etcd/server/v3', version: versions.etcd['3.6'] },
  etcdctl: { module: 'go.etcd.io/etcd/etcdctl/v3', version: versions.etcd['3.6'] },
  coredns: { module: 'github.com/coredns/coredns', version: versions.coredns['v1.12'] },
  // The container runtime of kind's node images.
  containerd: {
    module: containerd,
    version: versions.containerd,
    packages: ['cmd/containerd', 'cmd/ctr', 'cmd/containerd-shim-runc-v2'],
    stamp: `-X ${containerd}/version.Version=${versions.containerd}`,
  },
  runc: {
    module: 'github.com/opencontainers/runc',
    version: versions.runc,
    // As in runc's own Makefile, and pure Go for what the C library would load while it runs.
    cTags: ['seccomp', 'urfave_cli_no_docs', 'netgo', 'osusergo'],
  },
  // Kubernetes' own is written in C and no module.
  pause: { source: 'pause' },
  // Answers HTTP, for tests that ask whether a Pod is there.
  serve: { source: 'serve' },
  registry: {
    module: 'github.com/distribution/distribution/v3',
    version: versions.distribution,
    source: 'registry',
  },
} satisfies Record<string, Program>

type Name = keyof typeof programs

// Builds a program, once, and gives its path; what its module builds along with it lies next to it. In a version other
// than the usual one where `other` names it.
export async function program(name: Name, other?: string): Promise<string> {
  const { module = '', version: usual = '', source, packages, stamp, cTags }: Program = programs[name]
  const version = other ?? usual
  const sources = source ? [join(goSources, source)] : []
  const hash = await inputsHash({ module, version, packages, stamp, cTags }, ...sources)
  const folder = keptFolder(version === usual ? name : `${name}-${version}`, hash)
  const file = join(folder, name)
  return need({
    title: `${name} ${version}`.trim(),
    there: async () => (isKept(folder) ? file : undefined),
    needs: async () => {
      await needGo()
      if (cTags) await needC()
    },
    make: async () => {
      await keep(folder, async (staging) => {
        const work = join(staging, 'module')
        await mkdir(work)
        for (const from of sources) await cp(from, work, { recursive: true })
        const require = module && `\nrequire ${module} ${version}\n`
        await writeFile(join(work, 'go.mod'), `module lab.invalid/${name}\n\ngo 1.24\n${require}`)
        const mains = packages?.map((path) => `${module}/${path}`) ?? [source ? '.' : module]
        const out = packages ? `${staging}/` : join(staging, name)
        await goBuild(work, out, mains, { ...(stamp && { stamp }), ...(cTags && { cTags }) })
      })
      return file
    },
  })
}
