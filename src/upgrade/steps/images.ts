import { UpgradeError } from '../../errors/upgrade-error.ts'
import { missingImages } from '../images.ts'
import { waiting, workDirectory } from '../step.ts'
import { unitStep } from '../unit-step.ts'

// Brings the images into the machine's containerd, before anything needs them: from the archive that was taken
// from the node image, or pulled by kubeadm itself from the registry that the cluster's configuration names.
export const images = unitStep({
  name: 'images',
  doing: 'bringing in the Kubernetes images',
  limitSeconds: 1800,
  pollSeconds: 2,
  script: new URL('images.sh', import.meta.url),
  args: ({ target, sources }) => [workDirectory(target), sources.images],
  async done(context) {
    const { needed } = await missingImages(context)
    return needed.length === 0 ? 'done' : waiting('the images')
  },
  explain: ({ log }) => new UpgradeError('IMAGES_NOT_LOADED', {}, { detail: log }),
})
