import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { goSources, inputsHash, isKept, keep, keptFolder } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import * as versions from '../host/versions.ts'
import { goBuild, needGo } from './go.ts'

interface Program {
  // A Go module that can be built by itself.
  module?: string
  version?: string
  // Its main package is ours, in the folder of this name below go/.
  source?: string
}

// Programs under the name of the file that comes out.
const programs = {
  kind: { module: 'sigs.k8s.io/kind', version: versions.kind },
  // go.etcd.io/etcd/v3 holds no program: server and client are modules of their own.
  etcd: { module: 'go.etcd.io/etcd/server/v3', version: versions.etcd },
  etcdctl: { module: 'go.etcd.io/etcd/etcdctl/v3', version: versions.etcd },
  coredns: { module: 'github.com/coredns/coredns', version: versions.coredns },
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

// Builds a program, once, and gives its path.
export async function program(name: keyof typeof programs): Promise<string> {
  const { module = '', version = '', source }: Program = programs[name]
  const sources = source ? [join(goSources, source)] : []
  const folder = keptFolder(name, await inputsHash({ module, version }, ...sources))
  const file = join(folder, name)
  return need({
    title: `${name} ${version}`.trim(),
    there: async () => (isKept(folder) ? file : undefined),
    needs: needGo,
    make: async () => {
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
