import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { shellFile as read } from '../../src/machine/machine.ts'

const src = join(import.meta.dirname, '../../src')
const names = new Map(
  globSync('**/*.sh', { cwd: src }).map((path) => [read(pathToFileURL(join(src, path))).text, path]),
)

// Which of this repository's shell files a text is, such as "upgrade/steps/binaries.sh".
export function shellFile(text: string | undefined): string {
  const name = names.get(text ?? '')
  if (name === undefined) throw new Error(`no shell file of src/ has this text: ${text}`)
  return name
}

export function stepOf(shellFile: string): string {
  return basename(shellFile, '.sh')
}
