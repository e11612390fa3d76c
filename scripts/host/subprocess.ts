import { execa, type TemplateExpression } from 'execa'
import { interruption, throwIfInterrupted } from './interruption.ts'
import { noteOutput } from './progress.ts'
import { UserError } from './user-error.ts'

/** Options of a program that runs on the host. */
export interface SubprocessOptions {
  cwd?: string
  /** Added to the environment of this process. */
  env?: Record<string, string>
  /** Standard input as text. */
  input?: string
  /** A file that is the standard input. */
  inputFile?: string
  /** A file that takes the standard output, for output that is no text. The result is then empty. */
  outputFile?: string
  /** The program and all that it has started are ended after this time. */
  timeoutSeconds?: number
  /** What the user can do when it fails, for the message of the error. */
  next?: string
  /** Runs to its end after SIGINT and SIGTERM too, for cleanup. */
  ignoresInterruption?: boolean
}

/**
 * A command as a template, such as run`docker pull ${image}`: words are separated by spaces, an expression is one
 * argument even with spaces, and an array is one argument per item. Called with options it is the same command
 * with these options.
 */
export interface Command<Result> {
  (strings: TemplateStringsArray, ...values: TemplateExpression[]): Promise<Result>
  (options: SubprocessOptions): Command<Result>
}

/** Runs a program and resolves to its standard output. Throws `UserError` when it fails or takes over 10 minutes. */
export const run: Command<string> = commandOf(async (template, options) => {
  const { ok, stdout, output, command, failure } = await finish(template, { timeoutSeconds: 600, ...options })
  if (ok) return stdout
  const lastLines = output.trimEnd().split('\n').slice(-12)
  throw new UserError([`${failure}: ${command}`, ...lastLines].join('\n').trimEnd(), options.next)
})

/**
 * Runs a program that may fail and resolves to its standard output; to undefined when it is not found, fails, or takes
 * over 20 seconds.
 */
export const attempt: Command<string | undefined> = commandOf(async (template, options) => {
  const { ok, stdout } = await finish(template, { timeoutSeconds: 20, ...options })
  return ok ? stdout : undefined
})

type Template = [TemplateStringsArray, ...TemplateExpression[]]

function commandOf<Result>(
  execute: (template: Template, options: SubprocessOptions) => Promise<Result>,
  bound: SubprocessOptions = {},
): Command<Result> {
  function command(strings: TemplateStringsArray, ...values: TemplateExpression[]): Promise<Result>
  function command(options: SubprocessOptions): Command<Result>
  function command(first: TemplateStringsArray | SubprocessOptions, ...values: TemplateExpression[]) {
    if (Array.isArray(first)) return execute([first as unknown as TemplateStringsArray, ...values], bound)
    return commandOf(execute, { ...bound, ...first })
  }
  return command
}

type FinishOptions = SubprocessOptions & { timeoutSeconds: number }

async function finish(template: Template, options: FinishOptions) {
  const { timeoutSeconds, cwd, env, input = '', inputFile, outputFile, ignoresInterruption = false } = options
  if (!ignoresInterruption) throwIfInterrupted()
  const child = execa({
    ...(cwd && { cwd }),
    ...(env && { env }),
    ...(inputFile ? { inputFile } : { input }),
    // A file of any size, so it is not kept in memory too.
    ...(outputFile && { stdout: { file: outputFile }, buffer: { stdout: false, all: false } }),
    // A process group of its own, so that all that the program starts can be ended with it.
    detached: true,
    cleanup: false,
    reject: false,
    all: true,
  })(...template)
  const end = () => endGroup(child.pid)
  let isTimedOut = false
  const timeout = setTimeout(() => {
    isTimedOut = true
    end()
  }, timeoutSeconds * 1000)
  const interrupted = ignoresInterruption ? undefined : interruption()
  interrupted?.addEventListener('abort', end)
  try {
    for await (const line of child.iterable({ from: outputFile ? 'stderr' : 'all' })) noteOutput(line)
    const { failed, exitCode, signal, code, escapedCommand, stdout = '', stderr, all } = await child
    if (!ignoresInterruption) throwIfInterrupted()
    const failure = isTimedOut ? `Timed out after ${timeoutSeconds} s` : failureOf({ exitCode, signal, code })
    return {
      ok: !failed,
      stdout,
      output: (outputFile ? stderr : all) ?? '',
      command: asTyped(escapedCommand, options),
      failure,
    }
  } finally {
    clearTimeout(timeout)
    interrupted?.removeEventListener('abort', end)
  }
}

interface Exit {
  exitCode?: number | undefined
  signal?: string | undefined
  code?: string | undefined
}

function failureOf({ exitCode, signal, code }: Exit): string {
  if (code === 'ENOENT') return 'Not found'
  if (signal !== undefined) return `Ended by ${signal}`
  return exitCode === undefined ? `Not started (${code})` : `Exit code ${exitCode}`
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  signalGroup(pid, 'SIGTERM')
  setTimeout(() => signalGroup(pid, 'SIGKILL'), 5_000).unref()
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // Every process of the group has ended.
  }
}

// The command as a user types it in a shell.
function asTyped(command: string, { cwd, env = {}, inputFile, outputFile }: SubprocessOptions): string {
  return [
    ...(cwd ? ['cd', quoted(cwd), '&&'] : []),
    ...Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`),
    command,
    ...(inputFile ? ['<', quoted(inputFile)] : []),
    ...(outputFile ? ['>', quoted(outputFile)] : []),
  ].join(' ')
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
