import { UpgradeError } from '../../errors/upgrade-error.ts'
import { waiting, workDirectory } from '../step.ts'
import { type Ended, unitStep } from '../unit-step.ts'

// Fetches kubeadm, kubelet and kubectl inside the machine into a directory of ours. Nothing in /usr/bin changes
// yet: kubeadm may restart the kubelet while a new one would still refuse the old flags.
export const binaries = unitStep({
  name: 'binaries',
  doing: 'fetching kubeadm, kubelet and kubectl',
  limitSeconds: 900,
  pollSeconds: 2,
  script: new URL('binaries.sh', import.meta.url),
  args: ({ sources, target }) => [sources.binariesUrl, target, `${workDirectory(target)}/bin`],
  async done({ machine, target }) {
    // The script renames the directory into place when all three are checked.
    return (await machine.has(`${workDirectory(target)}/bin`)) ? 'done' : waiting('the download')
  },
  explain,
})

// The script's exit codes, and the name it prints last.
function explain({ exitCode, log, unit }: Ended): UpgradeError {
  const codes = {
    41: 'DOWNLOAD_NOT_FOUND',
    42: 'DOWNLOAD_BROKEN',
    43: 'DOWNLOAD_STALLED',
    44: 'CHECKSUM_WRONG',
    45: 'BINARY_UNUSABLE',
    48: 'DISK_FULL',
  } as const
  const code = exitCode in codes ? codes[exitCode as keyof typeof codes] : 'UNIT_FAILED'
  const what = /^failed: (\S+)$/m.exec(log)?.[1] ?? 'a file'
  return new UpgradeError(code, { what, unit }, { detail: log })
}
