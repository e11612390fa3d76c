import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../../host/user-error.ts'
import { ladder } from '../engine/ladder.ts'
import { isKept, keep, keptFolder } from '../host/cache.ts'
import { downloadUrl } from '../host/downloads.ts'
import { inputsHash, sha256 } from '../host/hash.ts'
import { arch } from '../host/names.ts'
import { ensure } from '../host/prerequisite.ts'
import type { Releases } from './releases.ts'

/** Ensures a kubectl of the version to upgrade to, for the host, and resolves to its path. */
export async function ensureKubectl(releases: Releases): Promise<string> {
  const { to } = await ladder()
  if ('folder' in releases) return join(releases.folder, to, 'kubectl')
  const folder = keptFolder('kubectl', await inputsHash({ to, arch }))
  const file = join(folder, 'kubectl')
  return ensure({
    title: `kubectl ${to}`,
    find: async () => (isKept(folder) ? file : undefined),
    create: async () => {
      await keep(folder, (staging) => downloadKubectl(releases.url, to, join(staging, 'kubectl')))
      return file
    },
  })
}

async function downloadKubectl(server: string, version: string, file: string): Promise<void> {
  const checksum = await download(downloadUrl(server, version, 'kubectl.sha256'))
  const program = await download(downloadUrl(server, version, 'kubectl'))
  await writeFile(file, program)
  if ((await sha256(file)) !== checksum.toString().trim()) {
    throw new UserError(`The SHA-256 of kubectl from ${server} differs from its checksum file.`, 'run this again')
  }
  await chmod(file, 0o755)
}

async function download(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(300_000) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  } catch (error) {
    throw new UserError(`Cannot download ${url}: ${(error as Error).message}`, 'run this again')
  }
}
