/** The exit code of a program that Ctrl-C ended: 128 and the number of SIGINT. */
export const interruptedExitCode = 130

const signals = ['SIGINT', 'SIGTERM'] as const

/**
 * Ends the process with exit code 130 on SIGINT and SIGTERM, after these lines on standard error. Listeners that were added
 * later run first: the lab's end the programs that it has started.
 */
export function exitOnInterrupt(lines: readonly string[]): void {
  const exit = () => {
    console.error(['', ...lines].join('\n'))
    process.exit(interruptedExitCode)
  }
  for (const signal of signals) process.on(signal, () => setImmediate(exit))
}

/**
 * Returns a signal that the first SIGINT or SIGTERM aborts; the second one ends the process with exit code 130. The
 * listeners stay: without one, execa's own listener for these signals would end the process.
 */
export function abortOnInterrupt(): AbortSignal {
  const interrupted = new AbortController()
  for (const signal of signals) {
    process.on(signal, () => (interrupted.signal.aborted ? process.exit(interruptedExitCode) : interrupted.abort()))
  }
  return interrupted.signal
}
