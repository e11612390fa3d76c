import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { Interrupted, UserError } from './user-error.ts'

/** Ends an action that has printed why it failed, with exit code 1 by default. */
export class ActionFailed extends Error {
  override name = 'ActionFailed'
  readonly exitCode: number

  constructor(exitCode = 1) {
    super(`the action failed with exit code ${exitCode}`)
    this.exitCode = exitCode
  }
}

/**
 * A command line as those of this repository: `--help` prints the help on standard output, and a mistake prints what is
 * wrong and the help on standard error. `name` is what the user types, without arguments.
 */
export function commandLine(name: string): Command {
  return new Command(name)
    .helpOption('--help', 'show this help')
    .helpCommand(false)
    .configureHelp({ helpWidth: 120 })
    .configureOutput({
      writeOut: (text) => console.log(text.trimEnd()),
      writeErr: (text) => console.error(text.trimEnd()),
    })
    .showHelpAfterError()
    .exitOverride()
}

/** Reads the value of an option as a whole number from `least` to `most`. Another value is a mistake of the user. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^[1-9]\d*$/.test(text) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`)
  }
}

/**
 * Runs the action that the arguments select, and resolves to the exit code: 0, 1 when the action failed, 2 when the
 * command line is wrong, 130 after an interruption. Throws errors that no user can resolve.
 */
export async function exitCodeOf(command: Command, args: readonly string[]): Promise<number> {
  try {
    await command.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof ActionFailed) return error.exitCode
    if (!(error instanceof UserError)) throw error
    console.error(`\n${error.message}`)
    return error instanceof Interrupted ? 130 : 1
  }
}
