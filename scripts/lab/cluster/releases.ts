import { interruptible } from '../../host/run.ts'
import { kubernetes, releaseFolder } from '../build/kubernetes.ts'
import { needNodeImage } from '../build/node-image.ts'
import { downloads, downloadsReachable } from '../host/downloads.ts'
import { alone } from '../host/lock.ts'
import { to } from '../host/versions.ts'

// Where a release's programs come from: a folder for `serveReleases`, or a server.
export type Releases = { folder: string } | { url: string }

// Those of a version.
export async function needReleases(version = to): Promise<Releases> {
  if (await downloadsReachable(version)) return { url: downloads }
  await kubernetes(version)
  return { folder: releaseFolder }
}

// Makes what is missing to have machines of one more version: its machine image, and its programs for download.
export async function needVersion(version: string): Promise<void> {
  await interruptible(() =>
    alone(async () => {
      await needNodeImage(version)
      await needReleases(version)
    }),
  )
}
