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

// What a shell prints of a script that it is fed: its words and, last, what it was told to echo at its exit.
export function fed(input: string, run: (script: string) => string): string {
  const trap = /^trap 'echo (\S+)' EXIT\n/.exec(input)
  const output = run(input.slice(trap?.[0].length ?? 0))
  return trap ? `${output}${trap[1]}\n` : output
}

export function stepOf(shellFile: string): string {
  return basename(shellFile, '.sh')
}
