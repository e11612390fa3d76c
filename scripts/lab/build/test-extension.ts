import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { interruptible } from '../../host/interruption.ts'
import { isKept, keep, keptFolder } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { withLabLock } from '../host/lock.ts'
import { ensure } from '../host/prerequisite.ts'
import { clusterApi as version } from '../host/versions.ts'
import { ensureGo, goBuild } from './go.ts'

const core = 'sigs.k8s.io/cluster-api'
const required = [core, `${core}/api`, `${core}/test`].map((module) => `require ${module} ${version}`)

/**
 * Builds Cluster API's own test extension, once, and resolves to the path of its program. Needs Go and its module proxy.
 */
export async function testExtension(): Promise<string> {
  const folder = keptFolder('test-extension', await inputsHash({ required }))
  const program = join(folder, 'extension')
  return interruptible(() =>
    withLabLock(() =>
      ensure({
        title: `Cluster API's test extension ${version}`,
        find: async () => (isKept(folder) ? program : undefined),
        prepare: ensureGo,
        create: async () => {
          await keep(folder, async (staging) => {
            const work = join(staging, 'module')
            await mkdir(work)
            const lines = ['module lab.invalid/test-extension', 'go 1.24', ...required, '']
            await writeFile(join(work, 'go.mod'), lines.join('\n'))
            await goBuild(work, join(staging, 'extension'), [`${core}/test/extension`])
          })
          return program
        },
      }),
    ),
  )
}
