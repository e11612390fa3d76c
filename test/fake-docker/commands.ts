import type { ExecResult } from '../../src/machine/engine.ts'
import { changeMachine } from './change.ts'
import type { SimulatedMachine } from './machine.ts'
import { observeMachine } from './observe.ts'
import { shellFile } from './shell-files.ts'

/**
 * Runs one command in a simulated machine. src/ runs two shell files there, one that looks and one that changes.
 * Throws when it is anything else.
 */
export function execute(machine: SimulatedMachine, argv: string[], input: string): ExecResult {
  const [shell, option, text, , ...args] = argv
  if (shell !== 'sh' || option !== '-c') throw new Error(`the command ${shell} is not simulated`)
  switch (shellFile(text)) {
    case 'machine/observe.sh':
      return { exitCode: 0, stdout: observeMachine(machine, args), stderr: '' }
    case 'machine/change.sh':
      return changeMachine(machine, args, input)
    default:
      throw new Error('a shell file runs on its own')
  }
}
