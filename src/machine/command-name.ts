/**
 * The name of a command in messages: of `sh -c` the name of the script, else the program. Arguments are left out: they
 * may be secret.
 */
export function commandName([program = '', option, , name]: string[]): string {
  return program === 'sh' && option === '-c' && name !== undefined ? name : program
}
