import { UserError } from '../../host/user-error.ts'

/**
 * How the lab builds node images. `released`: as kind v0.33 releases them, with containerd 2.3, two names for each image
 * of Kubernetes, images for several architectures of which one is there, and no pause image but containerd's. `older`:
 * with containerd 1.7, as in releases of kind up to v0.26, and one name for each image.
 */
export type ImageKind = 'released' | 'older'

const setting = 'UPGRADER_LAB_IMAGES'

/** The kind that UPGRADER_LAB_IMAGES names, `released` by default. Throws a UserError for another value. */
export function imageKind(): ImageKind {
  const kind = process.env[setting] || 'released'
  if (kind !== 'released' && kind !== 'older') {
    throw new UserError(`${setting} is "released" or "older".`, `unset ${setting}`)
  }
  return kind
}
