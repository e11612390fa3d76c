import { readdirSync, readFileSync } from 'node:fs'
import { execa } from 'execa'
import type { Engine } from '../../../src/machine/engine.ts'
import { type MachineHost, machineOn } from '../../../src/machine/machine.ts'
import type { Root } from '../../upgrade/shell/rooted.ts'

/** The longest that a command may take here, in seconds. It is reached only where something blocks. */
const hangsAfterSeconds = 20

/** A root as a machine: the shell files of src/machine run on it with a real sh, as the engine would run them. */
export function realMachine(root: Root, role: MachineHost['role'] = 'worker'): MachineHost {
  const moved = (text: string) =>
    text.replace(/(?<![\w.}-])\/(etc|proc|run|sys|tmp|usr|var)(?=[/ ])/g, root.path('/$1'))
  const PATH = `${root.path('/stand-ins')}:${process.env.PATH}`
  const exec: Engine['exec'] = async (_, argv, { input = '' } = {}) => {
    const args = ['-k', '1', String(hangsAfterSeconds), ...argv.map(moved)]
    const options = {
      input,
      reject: false,
      stripFinalNewline: false,
      env: { PATH, MACHINE_ROOT: root.path('') },
    }
    const { exitCode = -1, stdout, stderr } = await execa('timeout', args, options)
    if (/not found$|syntax error/im.test(stderr)) throw new Error(stderr)
    return { exitCode, stdout: exitCode === 0 ? withoutRoot(stdout, root.path('')) : stdout, stderr }
  }
  return machineOn({ exec } as Engine, { name: role === 'worker' ? 'w-1' : 'cp-1', cluster: 'lab', role })
}

/** A file of the machine as it is, byte for byte. */
export function bytesIn(root: Root, path: string): string {
  return readFileSync(root.path(path), 'utf8')
}

/** The names in a directory of the machine, in order. */
export function leftIn(root: Root, directory: string): string[] {
  return readdirSync(root.path(directory)).sort()
}

// An observation has its text in base64, so the paths of the root hide in there.
function withoutRoot(printed: string, root: string): string {
  const directory = root.replace(/\/$/, '')
  if (!printed.startsWith('{')) return printed.replaceAll(directory, '')
  const kept = new Set(['bootId', 'recordDigest', 'record'])
  const document = JSON.parse(printed, (name, value: unknown) => {
    if (typeof value !== 'string' || kept.has(name)) return value
    const text = Buffer.from(value, 'base64')
    return text.includes(directory) ? Buffer.from(text.toString().replaceAll(directory, '')).toString('base64') : value
  })
  return `${JSON.stringify(document)}\n`
}
