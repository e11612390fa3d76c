/** What messages call a command: the name of the text that `sh -c` runs, else the program. Arguments may be secret. */
export function commandName([program = '', option, , name]: string[]): string {
  return program === 'sh' && option === '-c' && name !== undefined ? name : program
}
