import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { missingImages } from '../missing-images.ts'
import { type Situation, type Step, unitOf, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('images.sh', import.meta.url))

/** What the steps that wait for the images have in common. */
export const imagesWait = {
  limitSeconds: 1800,
  pollSeconds: 2,
  lookSeconds: 2,
  changesMachine: false,
  needsWork: true,
  needs: { sections: ['units', 'work', 'pods'] },
  usesPrograms: true,
} as const satisfies Partial<Step>

/**
 * Loads the images into the machine's containerd before they are needed: from the archive of the node image, or with
 * kubeadm from the registry in the cluster's configuration.
 */
export const images: Step = {
  ...imagesWait,
  name: 'images',
  doing: 'loading the Kubernetes images',
  done: (situation) => (missingImages(situation).needed.length === 0 ? 'done' : waiting('the images')),
  action: ({ sources }) => ({ kind: 'unit', script, args: [workDirectory, sources.images] }),
  explain: ({ log }) => new UpgradeError('IMAGES_NOT_LOADED', {}, { detail: log }),
}

/** The same while the next steps go on, until the step images-loaded. After a failure in this attempt, they wait for it. */
export const imagesMeanwhile: Step = {
  ...images,
  goesOn: hasNotFailed,
  done: (situation) => (hasNotFailed(situation) && areLoading(situation) ? 'done' : images.done(situation)),
}

function hasNotFailed({ record }: Situation): boolean {
  const { IMAGES_NOT_LOADED, DISK_FULL } = record?.retries ?? {}
  return IMAGES_NOT_LOADED === undefined && DISK_FULL === undefined
}

/** True while the unit that loads the images is running. */
export function areLoading({ observation }: Situation): boolean {
  return unitOf(images, observation)?.state === 'running'
}
