import { UpgradeError } from '../errors/upgrade-error.ts'
import { reportsFullDisk } from '../machine/disk-full.ts'
import type { ShellFile } from '../machine/machine.ts'
import { type Action, type Situation, workDirectory } from './step.ts'

const forget = { name: 'forget', text: 'rm -f "$1"' }

/** The configured name of the target's node image. */
export function nodeImageOf({ sources, target }: Pick<Situation, 'sources' | 'target'>): string {
  return sources.nodeImage.replaceAll('{version}', target)
}

/**
 * An action that starts a helper container of the target's node image. The helper runs a script with the work
 * directory, the key of the attempt and `args`. `takes` is part of the helper's name. Throws VAR_VOLUME_MISSING.
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
 * An action that reports the failure of such a helper, whose reason is in a file of the work directory. It removes the
 * file, so that the next action starts a new helper. An empty reason means that the disk was too full to write it.
 */
export function reportNotTaken(
  situation: Situation,
  { file, reason, code }: { file: string; reason: string; code: 'IMAGES_NOT_LOADED' | 'BINARIES_NOT_COPIED' },
): Action {
  const missing = /^lacks (.*)$/m.exec(reason)?.[1]
  const isDiskFull = reason === '' || reportsFullDisk(reason)
  const error =
    missing === undefined
      ? new UpgradeError(isDiskFull ? 'DISK_FULL' : code, {}, { detail: reason })
      : new UpgradeError('IMAGE_SOURCE_LACKS', { image: nodeImageOf(situation), missing })
  return { kind: 'run', script: forget, args: [`${workDirectory}/${file}`], read: () => error }
}
