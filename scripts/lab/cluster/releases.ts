import { interruptible } from '../../host/interruption.ts'
import { canDownload, downloadServer } from '../host/downloads.ts'
import { withLabLock } from '../host/lock.ts'
import { to } from '../host/versions.ts'
import { ensureNodeImage } from './images.ts'

/** Where the programs of a release are: in a folder that `serveReleases` can serve, or on a server. */
export type Releases = { folder: string } | { url: string }

/** Ensures the programs of a Kubernetes version: those of Kubernetes' own server, else built ones. */
export async function ensureReleases(version = to): Promise<Releases> {
  if (await canDownload(version)) return { url: downloadServer }
  const { ensureKubernetesPrograms, releaseFolder } = await import('../build/kubernetes.ts')
  await ensureKubernetesPrograms(version)
  return { folder: releaseFolder }
}

/** Ensures what machines of one more Kubernetes version need: its machine image, and its programs for download. */
export async function needVersion(version: string): Promise<void> {
  await interruptible(() =>
    withLabLock(async () => {
      await ensureNodeImage(version)
      await ensureReleases(version)
    }),
  )
}
