import { shellFile } from '../../machine/machine.ts'
import { missingImages } from '../missing-images.ts'
import { reportNotTaken, takeFromNodeImage } from '../node-image-helper.ts'
import { hasInWork, type Step, waiting } from '../step.ts'

const script = shellFile(new URL('image-archive.sh', import.meta.url))

/**
 * Exports the missing images from the target's node image on the same engine to the machine's /var volume. They pass
 * neither a network nor this service.
 */
export const imageArchive: Step = {
  name: 'image-archive',
  doing: 'taking the Kubernetes images from the node image',
  limitSeconds: 900,
  pollSeconds: 2,
  lookSeconds: 2,
  changesMachine: false,
  needsWork: true,
  renewed: ['images.failed'],
  needs: { sections: ['units', 'work', 'pods'], nodeImage: true },
  done(situation) {
    const isThere = hasInWork(situation, 'images.tar') || missingImages(situation).needed.length === 0
    return isThere ? 'done' : waiting('the image archive')
  },
  action(situation) {
    const reason = situation.observation.work.imagesFailed
    if (reason !== undefined) {
      return reportNotTaken(situation, { file: 'images.failed', reason, code: 'IMAGES_NOT_LOADED' })
    }
    const { needed, welcome } = missingImages(situation)
    return takeFromNodeImage(situation, 'images', script, [...needed, ...welcome.map((name) => `?${name}`)])
  },
}
