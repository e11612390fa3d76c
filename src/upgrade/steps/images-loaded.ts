import { type Step, waiting } from '../step.ts'
import { areLoading, images, imagesWait } from './images.ts'

/** Waits for the images. When their unit has ended without them, `imagesMeanwhile` acts again. */
export const imagesLoaded: Step = {
  ...imagesWait,
  name: 'images-loaded',
  doing: 'loading the rest of the Kubernetes images',
  done: (situation) => (areLoading(situation) ? waiting('the images') : images.done(situation)),
  startsOver: (situation) => !areLoading(situation) && images.done(situation) !== 'done',
}
