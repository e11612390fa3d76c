const endOfOutput = 'end-of-output'

// Runs a script in a shell of its own and marks the end of its output. $0 is the script's name, $1 its text.
const runScript = `script=$1; shift; sh -c "$script" "$0" "$@"; status=$?; echo ${endOfOutput}; exit $status`

/**
 * The command that runs the text of a shell script with these arguments. Text and arguments are words of the command, so
 * no data becomes program text, and standard input is free for data.
 */
export function scriptCommand(name: string, text: string, args: string[]): string[] {
  return ['sh', '-c', runScript, name, text, ...args]
}

/** What a script printed, or undefined if its output did not arrive whole. */
export function scriptOutput(stdout: string): string | undefined {
  const mark = `${endOfOutput}\n`
  return stdout.endsWith(mark) ? stdout.slice(0, -mark.length) : undefined
}

/** What messages call a command: the name of the text that `sh -c` runs, else the program. Arguments may be secret. */
export function commandName([program = '', option, , name]: string[]): string {
  return program === 'sh' && option === '-c' && name !== undefined ? name : program
}
