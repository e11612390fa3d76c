import { type Step, waiting } from '../step.ts'
import { areLoading, images } from './images.ts'

/** Waits for the images. When their unit has ended without them, `imagesMeanwhile` acts again. */
export const imagesLoaded: Step = {
  name: 'images-loaded',
  doing: 'loading the rest of the Kubernetes images',
  limitSeconds: 1800,
  pollSeconds: 2,
  lookSeconds: 2,
  changesMachine: false,
  needsWork: true,
  needs: { sections: ['units', 'work', 'pods'] },
  usesPrograms: true,
  done: (situation) => (areLoading(situation) ? waiting('the images') : images.done(situation)),
  startsOver: (situation) => !areLoading(situation) && images.done(situation) !== 'done',
}
