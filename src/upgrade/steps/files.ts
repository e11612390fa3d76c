import { createHash } from 'node:crypto'
import { UpgradeError } from '../../errors/upgrade-error.ts'
import { type DesiredFile, digestOf, type Files } from '../../kubernetes/desired-files.ts'
import { type Machine, stateDirectory } from '../../machine/machine.ts'
import { type Step, waiting } from '../step.ts'

// Below it, `applied` has a digest for each file that we saw in place, and `replaced` what was there before.
const state = `${stateDirectory}/files`

// Writes the files of the KubeadmConfig. A file whose digest is noted is left alone, whatever became of it since.
// Nothing is restarted and no command is run again because of a file.
export const files: Step = {
  name: 'files',
  doing: "writing the KubeadmConfig's files",
  limitSeconds: 120,
  pollSeconds: 2,
  async done({ machine, files }) {
    const [first, ...more] = await unnoted(machine, files)
    return first === undefined
      ? 'done'
      : waiting(more.length > 0 ? `${first.path} and ${more.length} more` : first.path)
  },
  async apply({ machine, files }) {
    const lines = (await unnoted(machine, files)).map(lineOf)
    const said = await machine.feed(new URL('files.sh', import.meta.url), lines.join(''), state, ...files.closed)
    const [, path, why] = /^refused (\S+) (.+)$/m.exec(said) ?? []
    if (path !== undefined && why !== undefined) throw new UpgradeError('FILE_REFUSED', { path, why })
  },
}

async function unnoted(machine: Machine, { wanted }: Files): Promise<DesiredFile[]> {
  const { stdout } = await machine.attempt(['grep', '-rs', '.', `${state}/applied`])
  const noted = new Set(stdout.split('\n'))
  return wanted.filter((file) => !noted.has(`${state}/applied${file.path}:${digestOf(file)}`))
}

// As files.sh reads it.
function lineOf(file: DesiredFile): string {
  const { path, mode, user, group, content } = file
  const sum = createHash('sha256').update(content).digest('hex')
  return `${[path, digestOf(file), mode, user, group, sum, content.toString('base64')].join(' ')}\n`
}
