import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../../host/user-error.ts'
import { inputsHash, isKept, keep, keptFolder } from '../host/cache.ts'
import { downloadUrl } from '../host/downloads.ts'
import { arch } from '../host/names.ts'
import { sha256 } from '../host/sha256.ts'
import { need } from '../host/stage.ts'
import { to } from '../host/versions.ts'
import type { Releases } from './releases.ts'

// Path of a kubectl of the version to go to, which the host can run.
export async function needKubectl(releases: Releases): Promise<string> {
  if ('folder' in releases) return join(releases.folder, to, 'kubectl')
  const folder = keptFolder('kubectl', await inputsHash({ to, arch }))
  const file = join(folder, 'kubectl')
  return need({
    title: `kubectl ${to}`,
    there: async () => (isKept(folder) ? file : undefined),
    make: async () => {
      await keep(folder, (staging) => download(releases.url, join(staging, 'kubectl')))
      return file
    },
  })
}

async function download(server: string, file: string) {
  const wanted = await fetched(downloadUrl(server, to, 'kubectl.sha256'))
  const program = await fetched(downloadUrl(server, to, 'kubectl'))
  await writeFile(file, program)
  if ((await sha256(file)) !== wanted.toString().trim())
    throw new UserError(`kubectl from ${server} has another SHA-256.`)
  await chmod(file, 0o755)
}

async function fetched(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(300_000) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  } catch (error) {
    throw new UserError(`${url} cannot be had: ${(error as Error).message}`, 'try again')
  }
}
