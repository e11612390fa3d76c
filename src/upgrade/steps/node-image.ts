import { UpgradeError } from '../../errors/upgrade-error.ts'
import { missingImages } from '../missing-images.ts'
import { nodeImageOf } from '../node-image-helper.ts'
import { hasInWork, type NodeImage, type Situation, type Step, waiting } from '../step.ts'

// The message changes only after this many further MiB, because Cluster API copies it into a condition.
const shownMiB = 25
const bytesOfMiB = 1024 * 1024

/**
 * Makes sure that the engine has the target's node image if something has to be taken from it. The image is found by
 * tag or digest, or pulled. Nothing in the machine is changed before.
 */
export const nodeImage: Step = {
  name: 'node-image',
  doing: 'finding the node image',
  limitSeconds: 1800,
  pollSeconds: 5,
  lookSeconds: 2,
  changesMachine: false,
  needs: { sections: ['work', 'pods'], nodeImage: true },
  done(situation) {
    const { reference, pull } = situation.nodeImage ?? {}
    if (reference !== undefined || !isNeeded(situation)) return 'done'
    if (pull?.error) throw pull.error
    return waiting(`the image ${nodeImageOf(situation)}${pull ? `, ${progressOf(pull)}` : ''}`)
  },
  action(situation) {
    const image = nodeImageOf(situation)
    if (situation.sources.nodeImagePull === 'allow') return { kind: 'pull', image }
    return {
      kind: 'note',
      record: (record) => record,
      after() {
        throw new UpgradeError('IMAGE_SOURCE_MISSING', { image })
      },
    }
  },
}

// The image is not needed for what is already staged or in the machine's image store.
function isNeeded(situation: Situation): boolean {
  const { sources, observation } = situation
  const hasPrograms = hasInWork(situation, 'bin') || hasInWork(situation, 'bin.copied')
  if (sources.binaries === 'node-image' && !hasPrograms) return true
  if (sources.images === 'pull' || hasInWork(situation, 'images.tar')) return false
  return observation.work.neededImages === undefined || missingImages(situation).needed.length > 0
}

function progressOf({ bytes, isUnpacking }: NonNullable<NodeImage['pull']>): string {
  if (bytes === undefined) return 'which is pulled'
  if (isUnpacking) return 'which is unpacked'
  return `of which ${Math.floor(bytes / bytesOfMiB / shownMiB) * shownMiB} MiB are pulled`
}
