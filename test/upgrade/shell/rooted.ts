import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { onTestFinished } from 'vitest'
import type { Engine } from '../../../src/machine/engine.ts'
import { type MachineHost, machineOn, shellFile } from '../../../src/machine/machine.ts'

// A directory that stands for a machine's root: shell files of src/ run on it, with the absolute paths in their
// text moved below it and stand-ins for the machine's programs.
export interface Root {
  path: (inMachine: string) => string
  has: (inMachine: string) => boolean
  read: (inMachine: string) => string
  remove: (inMachine: string) => void
  write: (inMachine: string, text: string) => void
  // A program that notes how it is called and then does this.
  program: (inMachine: string, script?: string) => void
  // How programs were called, in order, with paths as in the machine; so are those in what is read.
  calls: () => string[]
  // The same directory as a machine whose commands are real, on real paths; `asked` is told each command.
  machine: (asked?: (argv: string[], input: string) => void) => MachineHost
  // Runs a shell file of src/upgrade/ with these arguments, paths among them moved, too.
  run: (file: string, ...args: string[]) => Promise<Ended>
  // The same, with this on its standard input.
  runWith: (input: string, file: string, ...args: string[]) => Promise<Ended>
}

interface Ended {
  // Absent when a signal ended it.
  exitCode: number | undefined
  stdout: string
  stderr: string
}

export function createRoot(): Root {
  const root = mkdtempSync(join(tmpdir(), 'machine-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const path = (inMachine: string) => join(root, inMachine)
  const moved = (text: string) => text.replace(/(?<![\w.}])\/(etc|proc|run|sys|tmp|usr|var)(?=[/ ])/g, `${root}/$1`)
  const withoutRoot = (file: string) => readFileSync(file, 'utf8').replaceAll(root, '')
  const write = (inMachine: string, text: string) => {
    mkdirSync(dirname(path(inMachine)), { recursive: true })
    writeFileSync(path(inMachine), text)
  }
  for (const directory of ['run', 'tmp']) mkdirSync(path(directory))
  const runWith: Root['runWith'] = async (input, file, ...args) => {
    const { text } = shellFile(new URL(`../../../src/upgrade/${file}`, import.meta.url))
    write('script.sh', moved(text))
    const PATH = `${path('stand-ins')}:${process.env.PATH}`
    const options = { env: { PATH }, reject: false, input: moved(input) }
    const { exitCode, stdout, stderr } = await execa('sh', [path('script.sh'), ...args.map(moved)], options)
    // A program of the host that is missing is a fault of the test; one of the machine may be what the test is about.
    if (/: (?!\/)\S+: not found|syntax error/i.test(stderr)) throw new Error(stderr)
    return { exitCode, stdout: stdout.replaceAll(root, ''), stderr: stderr.replaceAll(root, '') }
  }
  return {
    path,
    write,
    has: (inMachine) => existsSync(path(inMachine)),
    read: (inMachine) => withoutRoot(path(inMachine)),
    remove: (inMachine) => rmSync(path(inMachine), { recursive: true }),
    program: (inMachine, script = '') => {
      const name = inMachine.split('/').at(-1)
      write(inMachine, `#!/bin/sh\necho "${name} $*" >>"${root}/calls"\n${moved(script)}\n`)
      chmodSync(path(inMachine), 0o755)
    },
    calls: () => (existsSync(path('calls')) ? withoutRoot(path('calls')).split('\n').filter(Boolean) : []),
    machine: (asked) => {
      const exec: Engine['exec'] = async (_, argv, { input = '' } = {}) => {
        asked?.(argv, input)
        const [file = '', ...args] = argv.map(moved)
        const {
          exitCode = -1,
          stdout,
          stderr,
        } = await execa(file, args, {
          input: moved(input),
          reject: false,
          stripFinalNewline: false,
        })
        return { exitCode, stdout: stdout.replaceAll(root, ''), stderr }
      }
      return machineOn({ exec } as Engine, { name: 'm-1', cluster: 'lab', role: 'worker' })
    },
    runWith,
    run: (file, ...args) => runWith('', file, ...args),
  }
}
