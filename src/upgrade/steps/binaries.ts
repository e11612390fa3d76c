import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { nodeImageOf, reportNotTaken, takeFromNodeImage } from '../node-image-helper.ts'
import { type Action, type EndedUnit, hasInWork, type Situation, type Step, waiting, workDirectory } from '../step.ts'
import { flagsRemovedAt } from './kubelet.ts'

const script = shellFile(new URL('binaries.sh', import.meta.url))
const copyScript = shellFile(new URL('binaries-copy.sh', import.meta.url))
// The directory to which the helper container copies the three programs. It is renamed into place.
const copied = 'bin.copied'

type ProgramSource = Pick<Situation, 'sources' | 'target'>

/**
 * Stages kubeadm, kubelet and kubectl in the work directory. The machine downloads them, or a helper container copies
 * them from the target's node image on the same engine, without a network. Either way they have to run in the machine
 * and report the target's version. Nothing in /usr/bin changes yet: kubeadm may restart the kubelet while a new one
 * would still refuse the old flags.
 */
export const binaries: Step = {
  name: 'binaries',
  doing: 'fetching kubeadm, kubelet and kubectl',
  limitSeconds: 900,
  pollSeconds: 2,
  lookSeconds: 2,
  changesMachine: false,
  needsWork: true,
  renewed: ['bin.failed'],
  needs: { sections: ['units', 'work'], nodeImage: true },
  // The script renames the directory into place after all three were checked.
  done(situation) {
    if (hasInWork(situation, 'bin')) return 'done'
    return waiting(isFromNodeImage(situation) ? 'the programs of the node image' : 'the download')
  },
  action(situation) {
    const { sources, target } = situation
    if (!isFromNodeImage(situation)) return install(sources.binariesUrl, target)
    if (hasInWork(situation, copied)) return install(`${workDirectory}/${copied}`, target)
    return copy(situation)
  },
  explain,
}

function isFromNodeImage({ sources }: ProgramSource): boolean {
  return sources.binaries === 'node-image'
}

function install(source: string, target: string): Action {
  return { kind: 'unit', script, args: [source, target, `${workDirectory}/bin`, ...flagsRemovedAt(target)] }
}

function copy(situation: Situation): Action {
  const reason = situation.observation.work.binariesFailed
  if (reason === undefined) return takeFromNodeImage(situation, 'binaries', copyScript)
  return reportNotTaken(situation, { file: 'bin.failed', reason, code: 'BINARIES_NOT_COPIED' })
}

// binaries.sh documents the exit codes. The last line of its output has the name of the program.
function explain({ exitCode, log, name: unit }: EndedUnit, goal: ProgramSource): UpgradeError {
  const what = /^failed: (\S+)$/m.exec(log)?.[1] ?? 'a file'
  const details = { detail: log }
  switch (exitCode) {
    case 41:
      return new UpgradeError('DOWNLOAD_NOT_FOUND', { what }, details)
    case 42:
      return new UpgradeError('DOWNLOAD_BROKEN', { what }, details)
    case 43:
      return new UpgradeError('DOWNLOAD_STALLED', { what }, details)
    case 44:
      return new UpgradeError('CHECKSUM_WRONG', { what }, details)
    case 45:
      return isFromNodeImage(goal)
        ? new UpgradeError('IMAGE_BINARY_UNUSABLE', { what, image: nodeImageOf(goal) }, details)
        : new UpgradeError('BINARY_UNUSABLE', { what }, details)
    case 48:
      return new UpgradeError('DISK_FULL', {}, details)
    case 49:
      return new UpgradeError(
        'KUBELET_FLAGS_REFUSED',
        { cause: /^refused: (.*)$/m.exec(log)?.[1] ?? 'unknown' },
        details,
      )
    default:
      return new UpgradeError('UNIT_FAILED', { unit }, details)
  }
}
