import { execa } from 'execa'
import { heard } from './progress.ts'
import { Interrupted, UserError } from './user-error.ts'

export interface RunOptions {
  cwd?: string
  env?: Record<string, string>
  // Text, or a file's content, for standard input.
  input?: string
  inputFile?: string
  // Where standard output goes when it is not text.
  outputFile?: string
  // The longest it may take.
  seconds?: number
  // What a person should do when it fails.
  next?: string
  // Tidying up: is run after an interruption too.
  always?: boolean
}

let interrupt = new AbortController()

// Runs a host program to its end and gives its standard output.
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { ok, stdout, output, how } = await finish(program, args, { seconds: 600, ...options })
  if (ok) return stdout
  const last = output.trimEnd().split('\n').slice(-12)
  const message = [`${how}: ${pasteable(program, args, options)}`, ...last].join('\n').trimEnd()
  throw new UserError(message, options.next)
}

// The same for a program that may say no: undefined when it cannot be run, fails, or takes too long.
export async function attempt(program: string, args: readonly string[], options: RunOptions = {}) {
  const { ok, stdout } = await finish(program, args, { seconds: 20, ...options })
  return ok ? stdout : undefined
}

// Lets SIGINT and SIGTERM end every program that `work` runs, with whatever those started, and start no more.
export async function interruptible<T>(work: () => Promise<T>): Promise<T> {
  interrupt = new AbortController()
  const stop = (signal: string) => interrupt.abort(new Interrupted(signal))
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await work()
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

export function checkInterrupted() {
  interrupt.signal.throwIfAborted()
}

async function finish(program: string, args: readonly string[], options: RunOptions & { seconds: number }) {
  const { seconds, cwd, env, input = '', inputFile, outputFile, always } = options
  if (!always) checkInterrupted()
  const child = execa(program, args, {
    ...(cwd && { cwd }),
    ...(env && { env }),
    ...(inputFile ? { inputFile } : { input }),
    ...(outputFile && { stdout: { file: outputFile } }),
    // A process group of its own, so that all of it can be ended.
    detached: true,
    cleanup: false,
    reject: false,
    all: true,
  })
  const stop = () => endGroup(child.pid)
  const limit = setTimeout(stop, seconds * 1000)
  if (!always) interrupt.signal.addEventListener('abort', stop)
  try {
    for await (const line of child.iterable({ from: outputFile ? 'stderr' : 'all' })) heard(line)
    const { failed, exitCode, code, stdout = '', stderr, all } = await child
    if (!always) checkInterrupted()
    const how =
      code === 'ENOENT' ? 'Not found' : exitCode === undefined ? `Took over ${seconds} s` : `Exit code ${exitCode}`
    return { ok: !failed, stdout, output: outputFile ? stderr : all, how }
  } finally {
    clearTimeout(limit)
    interrupt.signal.removeEventListener('abort', stop)
  }
}

function endGroup(pid: number | undefined) {
  if (pid === undefined) return
  signalGroup(pid, 'SIGTERM')
  setTimeout(() => signalGroup(pid, 'SIGKILL'), 5_000).unref()
}

function signalGroup(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(-pid, signal)
  } catch {
    // All of it has ended.
  }
}

// The command as a person would type it.
function pasteable(program: string, args: readonly string[], options: RunOptions) {
  const { cwd, env = {}, inputFile, outputFile } = options
  return [
    ...(cwd ? ['cd', quoted(cwd), '&&'] : []),
    ...Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`),
    ...[program, ...args].map(quoted),
    ...(inputFile ? ['<', quoted(inputFile)] : []),
    ...(outputFile ? ['>', quoted(outputFile)] : []),
  ].join(' ')
}

function quoted(word: string) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
