import { downloads, downloadsReachable } from './downloads.ts'
import { kubernetes, releaseFolder } from './kubernetes.ts'
import { to } from './versions.ts'

// Where a release's programs come from: a folder for `serveReleases`, or a server.
export type Releases = { folder: string } | { url: string }

// Those of the version to go to.
export async function needReleases(): Promise<Releases> {
  if (await downloadsReachable(to)) return { url: downloads }
  await kubernetes(to)
  return { folder: releaseFolder }
}
