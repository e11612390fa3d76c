import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { type EndedUnit, hasInWork, type Step, waiting, workDirectory } from '../step.ts'
import { flagsRemovedAt } from './kubelet.ts'

const script = shellFile(new URL('binaries.sh', import.meta.url))

/**
 * Fetches kubeadm, kubelet and kubectl inside the machine into a directory of ours. Nothing in /usr/bin changes yet:
 * kubeadm may restart the kubelet while a new one would still refuse the old flags.
 */
export const binaries: Step = {
  name: 'binaries',
  doing: 'fetching kubeadm, kubelet and kubectl',
  limitSeconds: 900,
  pollSeconds: 2,
  lookSeconds: 2,
  changes: false,
  needsWork: true,
  needs: { sections: ['units', 'work'] },
  // The script renames the directory into place when all three are checked.
  done: (situation) => (hasInWork(situation, 'bin') ? 'done' : waiting('the download')),
  action: ({ sources, target }) => ({
    kind: 'unit',
    script,
    args: [sources.binariesUrl, target, `${workDirectory}/bin`, ...flagsRemovedAt(target)],
  }),
  explain,
}

// The script's exit codes, and the name it prints last.
function explain({ exitCode, log, name: unit }: EndedUnit): UpgradeError {
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
      return new UpgradeError('BINARY_UNUSABLE', { what }, details)
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
