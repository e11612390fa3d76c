import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { interruptible } from '../../host/interruption.ts'
import { isKept, keep, keptFolder } from '../host/cache.ts'
import { clusterApiRelease, keptNameOf } from '../host/cluster-api-releases.ts'
import { inputsHash } from '../host/hash.ts'
import { withLabLock } from '../host/lock.ts'
import { ensure } from '../host/prerequisite.ts'
import { requiredModules } from './cluster-api.ts'
import { ensureGo, goBuild } from './go.ts'

/**
 * Builds Cluster API's own test extension, once, and resolves to the path of its program. Needs Go and its module proxy.
 */
export async function testExtension(): Promise<string> {
  const release = clusterApiRelease()
  const required = requiredModules(release)
  const folder = keptFolder(keptNameOf(release, 'test-extension'), await inputsHash({ required }))
  const program = join(folder, 'extension')
  return interruptible(() =>
    withLabLock(() =>
      ensure({
        title: `Cluster API's test extension ${release.version}`,
        find: async () => (isKept(folder) ? program : undefined),
        prepare: ensureGo,
        create: async () => {
          await keep(folder, async (staging) => {
            const work = join(staging, 'module')
            await mkdir(work)
            const lines = ['module lab.invalid/test-extension', 'go 1.24', ...required, '']
            await writeFile(join(work, 'go.mod'), lines.join('\n'))
            await goBuild(work, join(staging, 'extension'), ['sigs.k8s.io/cluster-api/test/extension'])
          })
          return program
        },
      }),
    ),
  )
}
