import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { missingImages } from '../missing-images.ts'
import { type Step, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('images.sh', import.meta.url))

/**
 * Brings the images into the machine's containerd before anything needs them: from the archive that was taken from the
 * node image, or pulled by kubeadm itself from the registry that the cluster's configuration names.
 */
export const images: Step = {
  name: 'images',
  doing: 'bringing in the Kubernetes images',
  limitSeconds: 1800,
  pollSeconds: 2,
  lookSeconds: 2,
  changes: false,
  needsWork: true,
  needs: { sections: ['units', 'work', 'pods'] },
  usesPrograms: true,
  done: (situation) => (missingImages(situation).needed.length === 0 ? 'done' : waiting('the images')),
  action: ({ sources }) => ({ kind: 'unit', script, args: [workDirectory, sources.images] }),
  explain: ({ log }) => new UpgradeError('IMAGES_NOT_LOADED', {}, { detail: log }),
}
