import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const src = join(import.meta.dirname, '../../src')
const names = new Map(globSync('**/*.sh', { cwd: src }).map((path) => [readFileSync(join(src, path), 'utf8'), path]))

// Which of this repository's shell files a text is, such as "upgrade/steps/binaries.sh".
export function shellFile(text: string | undefined): string {
  const name = names.get(text ?? '')
  if (name === undefined) throw new Error(`no shell file of src/ has this text: ${text}`)
  return name
}

// The text of a shell file that a command runs, if it runs one, and the arguments that it is given.
export function scriptIn([, , , name, text, ...args]: string[]): { text: string; args: string[] } | undefined {
  return name?.endsWith('.sh') && text !== undefined ? { text, args } : undefined
}

// What a shell prints of a script that src/ runs: the script's own output, and the mark of its end.
export function whole(output: string): string {
  return `${output}end-of-output\n`
}

export function stepOf(shellFile: string): string {
  return basename(shellFile, '.sh')
}
