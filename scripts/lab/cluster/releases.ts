import { interruptible } from '../../host/interruption.ts'
import { ladder } from '../engine/ladder.ts'
import { canDownload, downloadServer } from '../host/downloads.ts'
import { withLabLock } from '../host/lock.ts'
import { ensureNodeImage } from './images.ts'

/** Where the programs of a release are: in a folder that `serveReleases` can serve, or on a server. */
export type Releases = { folder: string } | { url: string }

/**
 * Ensures the programs of a Kubernetes version, by default of the one to upgrade to: those of Kubernetes' own server, else
 * built ones.
 */
export async function ensureReleases(wanted?: string): Promise<Releases> {
  const version = wanted ?? (await ladder()).to
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
