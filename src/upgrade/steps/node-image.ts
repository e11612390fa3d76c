import { UpgradeError } from '../../errors/upgrade-error.ts'
import { missingImages } from '../missing-images.ts'
import { nodeImageOf } from '../node-image.ts'
import { hasInWork, type NodeImage, type Situation, type Step, waiting } from '../step.ts'

// A message changes when another so many MiB are there, not with each report: Cluster API copies it into a condition.
const shownMiB = 25
const bytesOfMiB = 1024 * 1024

/**
 * The target's node image is on the engine, where something is still to be taken from it: found by its tag or its digest, or
 * pulled. Nothing in the machine is changed before.
 */
export const nodeImage: Step = {
  name: 'node-image',
  doing: 'finding the node image',
  limitSeconds: 1800,
  pollSeconds: 5,
  lookSeconds: 2,
  changes: false,
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

// What is staged, or in the machine's image store, is not taken again.
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
