import { UpgradeError } from '../../errors/upgrade-error.ts'
import { namesFullDisk } from '../../machine/disk-full.ts'
import { shellFile } from '../../machine/machine.ts'
import { missingImages } from '../missing-images.ts'
import { type Action, hasInWork, type Situation, type Step, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('image-archive.sh', import.meta.url))
const forget = { name: 'forget', text: 'rm -f "$1"' }

/**
 * Takes the images out of a container of the target's node image on the same engine, straight onto the machine's /var
 * volume: they cross neither a network nor this service.
 */
export const imageArchive: Step = {
  name: 'image-archive',
  doing: 'taking the Kubernetes images from the node image',
  limitSeconds: 900,
  pollSeconds: 2,
  lookSeconds: 2,
  changes: false,
  needsWork: true,
  needs: { sections: ['units', 'work', 'pods'] },
  done(situation) {
    const isThere = hasInWork(situation, 'images.tar') || missingImages(situation).needed.length === 0
    return isThere ? 'done' : waiting('the image archive')
  },
  action(situation) {
    const { observation, varVolume, machine, key } = situation
    const image = imageOf(situation)
    if (observation.work.imagesFailed !== undefined) return failedBefore(observation.work.imagesFailed, image)
    if (varVolume === undefined) throw new UpgradeError('VAR_VOLUME_MISSING', { name: machine.name })
    const { needed, welcome } = missingImages(situation)
    const directory = workDirectory.replace('/var/', '/machine/')
    const names = [...needed, ...welcome.map((name) => `?${name}`)]
    return {
      kind: 'helper',
      image,
      argv: ['sh', '-c', script.text, 'image-archive', directory, key, ...names],
      volume: varVolume,
    }
  },
}

function imageOf({ sources, target }: Situation): string {
  return sources.nodeImage.replaceAll('{version}', target)
}

// What the helper wrote when it could not do its work. It is removed, so that the next look starts a new helper.
function failedBefore(reason: string, image: string): Action {
  const error = failureOf(reason, image)
  return { kind: 'run', script: forget, args: [`${workDirectory}/images.failed`], read: () => error }
}

function failureOf(reason: string, image: string): UpgradeError {
  const missing = /^lacks (.*)$/m.exec(reason)?.[1]
  if (missing !== undefined) return new UpgradeError('IMAGE_SOURCE_LACKS', { image, missing })
  // An empty one: not even the reason could be written.
  const isDiskFull = reason === '' || namesFullDisk(reason)
  return new UpgradeError(isDiskFull ? 'DISK_FULL' : 'IMAGES_NOT_LOADED', {}, { detail: reason })
}
