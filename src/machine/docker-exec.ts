import type { Duplex } from 'node:stream'
import type Docker from 'dockerode'
import type { ErrorCode } from '../errors/catalogue.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { SteadyClock } from './clock.ts'
import { commandName } from './command-name.ts'
import type { ExecOptions, ExecResult } from './engine.ts'
import { boundedCall, callSeconds } from './engine-call.ts'
import { engineError } from './engine-error.ts'
import { readOutput } from './exec-output.ts'

const execSeconds = 30
const pollSeconds = 0.02

/** An exec that has ended. It holds neither the arguments nor the input nor the output, which may be secret. */
export interface ExecEvent {
  container: string
  /** The name of the program or script. */
  command: string
  seconds: number
  /** The exit code; absent where the exec ended with an error. */
  exitCode?: number
  /** The error; absent where there is an exit code. */
  error?: ErrorCode
}

/** What an exec needs besides the command. */
export interface ExecContext {
  docker: Docker
  clock: SteadyClock
  onExec: (event: ExecEvent) => void
}

/**
 * Runs a command in a container and waits for its end. Throws OUTPUT_TOO_LARGE, EXEC_TIME_LIMIT, EXEC_KILLED,
 * EXEC_FAILED when the command could not be started, and the errors of engineError.
 */
export async function exec(
  context: ExecContext,
  container: string,
  argv: string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { clock, onExec } = context
  const command = commandName(argv)
  const begun = clock.seconds()
  const about = () => ({ container, command, seconds: clock.seconds() - begun })
  try {
    const result = await run(context, container, argv, options)
    onExec({ ...about(), exitCode: result.exitCode })
    return result
  } catch (thrown) {
    const error = engineError(thrown, container)
    onExec({ ...about(), error: error.code })
    throw error
  }
}

// The exec is privileged, as CAPD's and kind's are. `timeout` ends the command inside the container, because an exec
// outlives the client that started it. Our own clock ends the wait when the container is frozen.
async function run(
  { docker, clock }: ExecContext,
  name: string,
  argv: string[],
  { input, timeoutSeconds = execSeconds }: ExecOptions,
): Promise<ExecResult> {
  const command = commandName(argv)
  const created = await boundedCall(clock, (abortSignal) =>
    docker.getContainer(name).exec({
      Cmd: ['timeout', '-k', '5', String(timeoutSeconds), ...argv],
      AttachStdin: input !== undefined,
      AttachStdout: true,
      AttachStderr: true,
      Privileged: true,
      abortSignal,
    }),
  )
  const begun = clock.seconds()
  const connection = await boundedCall<Duplex>(
    clock,
    (abortSignal) => created.start({ hijack: true, stdin: input !== undefined, abortSignal }),
    (late) => late.destroy(),
  )
  // An error after the end of the output is of no interest, but unhandled it would end the process.
  connection.on('error', () => {})
  const ended = new AbortController()
  clock.sleep(timeoutSeconds + callSeconds, ended.signal).then(
    () => connection.destroy(new UpgradeError('EXEC_TIME_LIMIT', { command })),
    () => {},
  )
  try {
    if (input !== undefined) connection.end(input)
    const output = await readOutput(connection, command)
    const exitCode = await exitCodeOf(created, clock)
    const hasReachedLimit = clock.seconds() - begun >= timeoutSeconds
    checkExit({ ...output, exitCode }, command, hasReachedLimit)
    return { ...output, exitCode }
  } finally {
    ended.abort()
    connection.destroy()
  }
}

// The stream can end a moment before the engine knows the exit code.
async function exitCodeOf(created: Docker.Exec, clock: SteadyClock): Promise<number> {
  for (const limit = clock.seconds() + callSeconds; ; await clock.sleep(pollSeconds)) {
    const { ExitCode, Running } = await boundedCall(clock, (abortSignal) => created.inspect({ abortSignal }))
    if (!Running && ExitCode !== null) return ExitCode
    if (clock.seconds() > limit) throw new UpgradeError('ENGINE_UNREACHABLE')
  }
}

// Throws when the command was ended from outside. `timeout` exits with 124 after the limit, and with 137 when it had to
// kill the command. Before the limit, 137 is a SIGKILL from elsewhere, such as from the kernel when memory runs out.
function checkExit({ exitCode, stdout, stderr }: ExecResult, command: string, hasReachedLimit: boolean): void {
  const detail = stderr || stdout
  if (hasReachedLimit && (exitCode === 124 || exitCode === 137)) {
    throw new UpgradeError('EXEC_TIME_LIMIT', { command }, { detail })
  }
  if (exitCode === 137) throw new UpgradeError('EXEC_KILLED', { command }, { detail })
  // The engine prints its own error as the command's output: the command was never started.
  if (exitCode === 126 && /OCI runtime exec failed/.test(stdout + stderr)) {
    throw new UpgradeError('EXEC_FAILED', { command }, { detail: stdout + stderr })
  }
}
