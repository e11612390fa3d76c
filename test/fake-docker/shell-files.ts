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

// What a shell prints of a script that it is fed: its words and, last, what it was told to echo after it.
export function fed(input: string, run: (script: string, lines: string[]) => string): string {
  const whole = /^\(\n([\s\S]*)\)(?: <<'(\S+)'\n([\s\S]*)\n\2)?\nstatus=\$\?\necho (\S+)\nexit \$status\n$/
  const [, script, , lines = '', end] = whole.exec(input) ?? []
  return script === undefined ? run(input, []) : `${run(script, lines.split('\n'))}${end}\n`
}

export function stepOf(shellFile: string): string {
  return basename(shellFile, '.sh')
}
