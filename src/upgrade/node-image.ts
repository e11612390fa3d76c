import { UpgradeError } from '../errors/upgrade-error.ts'
import { namesFullDisk } from '../machine/disk-full.ts'
import type { ShellFile } from '../machine/machine.ts'
import { type Action, type Situation, workDirectory } from './step.ts'

const forget = { name: 'forget', text: 'rm -f "$1"' }

/** The name of the target's node image, as it is configured. */
export function nodeImageOf({ sources, target }: Pick<Situation, 'sources' | 'target'>): string {
  return sources.nodeImage.replaceAll('{version}', target)
}

/**
 * A container of the target's node image that runs a script with the attempt's directory, its key and these arguments.
 * What it takes from the image names the container. Throws VAR_VOLUME_MISSING.
 */
export function takeFromNodeImage(
  situation: Situation,
  takes: 'binaries' | 'images',
  script: ShellFile,
  args: readonly string[] = [],
): Action {
  const { varVolume, machine, key } = situation
  if (varVolume === undefined) throw new UpgradeError('VAR_VOLUME_MISSING', { name: machine.name })
  const directory = workDirectory.replace('/var/', '/machine/')
  return {
    kind: 'helper',
    takes,
    image: situation.nodeImage?.reference ?? nodeImageOf(situation),
    argv: ['sh', '-c', script.text, script.name.replace(/\.sh$/, ''), directory, key, ...args],
    volume: varVolume,
  }
}

/**
 * Reports the reason that such a container has left in a file of the work directory. The file is removed, so that the next
 * look starts a new container. An empty reason: not even that could be written.
 */
export function reportNotTaken(
  situation: Situation,
  { file, reason, code }: { file: string; reason: string; code: 'IMAGES_NOT_LOADED' | 'BINARIES_NOT_COPIED' },
): Action {
  const missing = /^lacks (.*)$/m.exec(reason)?.[1]
  const isDiskFull = reason === '' || namesFullDisk(reason)
  const error =
    missing === undefined
      ? new UpgradeError(isDiskFull ? 'DISK_FULL' : code, {}, { detail: reason })
      : new UpgradeError('IMAGE_SOURCE_LACKS', { image: nodeImageOf(situation), missing })
  return { kind: 'run', script: forget, args: [`${workDirectory}/${file}`], read: () => error }
}
