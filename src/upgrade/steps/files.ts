import { createHash } from 'node:crypto'
import { UpgradeError } from '../../errors/upgrade-error.ts'
import { type DesiredFile, digestOf } from '../../kubernetes/desired-files.ts'
import { shellFile, stateDirectory } from '../../machine/machine.ts'
import { type Situation, type Step, waiting } from '../step.ts'
import { images } from './images.ts'

const script = shellFile(new URL('files.sh', import.meta.url))
// Its directory `applied` has the digest of each file that was written, and `replaced` has the previous files.
const directory = `${stateDirectory}/files`

/**
 * Writes the files of the KubeadmConfig. A file that was already written with the same digest is not written again,
 * even if it was changed since. A change of a file neither restarts anything nor runs any command.
 */
export const files: Step = {
  name: 'files',
  doing: "writing the KubeadmConfig's files",
  limitSeconds: 120,
  pollSeconds: 2,
  lookSeconds: 2,
  changesMachine: true,
  alongside: [images],
  needs: { sections: ['work'] },
  done(situation) {
    const [first, ...more] = unwritten(situation)
    if (first === undefined) return 'done'
    return waiting(more.length > 0 ? `${first.path} and ${more.length} more` : first.path)
  },
  action(situation) {
    const input = unwritten(situation).map((file) => `${lineOf(file)}\n`)
    return { kind: 'run', script, args: [directory, ...situation.files.closed], input: input.join(''), read: refused }
  },
}

function unwritten({ files: { wanted }, observation: { work } }: Situation): DesiredFile[] {
  return wanted.filter((file) => work.appliedFiles.get(file.path) !== digestOf(file))
}

// A line of the input of files.sh, which documents its form.
function lineOf(file: DesiredFile): string {
  const { path, mode, user, group, content } = file
  const sum = createHash('sha256').update(content).digest('hex')
  return [path, digestOf(file), mode, user, group, sum, content.toString('base64')].join(' ')
}

function refused(output: string): UpgradeError | undefined {
  const [, path, why] = /^refused (\S+) (.+)$/m.exec(output) ?? []
  return path !== undefined && why !== undefined ? new UpgradeError('FILE_REFUSED', { path, why }) : undefined
}
