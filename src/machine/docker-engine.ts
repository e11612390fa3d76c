import { type Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import Docker from 'dockerode'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { commandName } from './command.ts'
import type { Container, Engine, ExecOptions, ExecResult, Helper } from './engine.ts'
import { engineError } from './engine-error.ts'

// Calls that only ask the engine something are answered at once or not at all.
const callSeconds = 10
const execSeconds = 30

// The engine at DOCKER_HOST (read by dockerode, with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH), else the default socket.
export function dockerEngine(docker = new Docker()): Engine {
  return {
    ping: () => call(docker.ping(), ''),
    inspect: async (container) => describe(await call(docker.getContainer(container).inspect(), container)),
    list: async (labels) => {
      const label = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
      const found = await call(docker.listContainers({ all: true, filters: { label } }), '')
      return found.map(({ Names }) => Names[0]?.replace('/', '') ?? '').sort()
    },
    exec: (container, argv, options = {}) => exec(docker, container, argv, options),
    helper: (helper) => startHelper(docker, helper),
  }
}

function describe({ Name, Config, State, Mounts }: Docker.ContainerInspectInfo): Container {
  return {
    name: Name.replace('/', ''),
    hostname: Config.Hostname,
    labels: Config.Labels,
    running: State.Running,
    paused: State.Paused,
    varVolume: Mounts.find(({ Destination }) => Destination === '/var')?.Name,
  }
}

// Privileged, as CAPD's and kind's own execs are. `timeout` ends the command inside the container, because an
// exec outlives the client that started it; our own clock ends the wait when the container is frozen.
async function exec(docker: Docker, name: string, argv: string[], options: ExecOptions): Promise<ExecResult> {
  const { input, timeoutSeconds = execSeconds } = options
  const command = commandName(argv)
  const asked = docker.getContainer(name).exec({
    Cmd: ['timeout', '-k', '5', String(timeoutSeconds), ...argv],
    AttachStdin: input !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Privileged: true,
  })
  const started = await call(asked, name)
  const stream: Duplex = await call(started.start({ hijack: true, stdin: input !== undefined }), name)
  const frozen = setTimeout(() => stream.destroy(timeLimit(command)), (timeoutSeconds + callSeconds) * 1000)
  try {
    if (input !== undefined) stream.end(input)
    const [stdout, stderr] = await outputOf(docker, stream)
    const exitCode = await exitCodeOf(started, name)
    if (exitCode === 124 || exitCode === 137) throw timeLimit(command)
    // The engine's own words, as the command's output: the command was never started.
    if (exitCode === 126 && /OCI runtime exec failed/.test(stdout + stderr)) {
      throw new UpgradeError('EXEC_FAILED', { command }, { detail: stdout + stderr })
    }
    return { exitCode, stdout, stderr }
  } catch (thrown) {
    throw engineError(thrown, name)
  } finally {
    clearTimeout(frozen)
    stream.destroy()
  }
}

async function outputOf(docker: Docker, stream: Duplex): Promise<[string, string]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  docker.modem.demuxStream(stream, stdout, stderr)
  for (const end of ['end', 'close']) stream.once(end, () => [stdout, stderr].map((part) => part.end()))
  stream.once('error', (error) => [stdout, stderr].map((part) => part.destroy(error)))
  return Promise.all([text(stdout), text(stderr)])
}

// The stream can end a moment before the engine has noted the exit code.
async function exitCodeOf(started: Docker.Exec, container: string): Promise<number> {
  for (const limit = Date.now() + callSeconds * 1000; ; await sleep(20)) {
    const { ExitCode, Running } = await call(started.inspect(), container)
    if (!Running && ExitCode !== null) return ExitCode
    if (Date.now() > limit) throw new UpgradeError('ENGINE_UNREACHABLE')
  }
}

// Made under a name that is its own, and then started, because whoever made it may have ended before.
async function startHelper(docker: Docker, { name, image, argv, volumes }: Helper): Promise<void> {
  const [entrypoint = '', ...args] = argv
  const binds = Object.entries(volumes).map(([volume, path]) => `${volume}:${path}`)
  const asked = docker.createContainer({
    name,
    Image: image,
    Entrypoint: [entrypoint],
    Cmd: args,
    Labels: { 'capd-kubeadm-upgrader': 'image-source' },
    HostConfig: { AutoRemove: true, NetworkMode: 'none', Binds: binds },
  })
  try {
    await within(asked)
  } catch (thrown) {
    const { statusCode } = thrown as { statusCode?: number }
    if (statusCode === 404) throw new UpgradeError('IMAGE_SOURCE_MISSING', { image }, { cause: thrown })
    if (statusCode !== 409) throw engineError(thrown, name)
  }
  try {
    await within(docker.getContainer(name).start())
  } catch (thrown) {
    const { statusCode = 0 } = thrown as { statusCode?: number }
    // It runs, or it has ended and is gone: both are another's doing, a moment ago.
    if (![304, 404, 409].includes(statusCode)) throw engineError(thrown, name)
  }
}

async function call<T>(asked: Promise<T>, container: string): Promise<T> {
  try {
    return await within(asked)
  } catch (thrown) {
    throw engineError(thrown, container)
  }
}

// dockerode's own time limit would also end a quiet exec, so the wait is bounded here.
async function within<T>(asked: Promise<T>): Promise<T> {
  const done = new AbortController()
  const late = sleep(callSeconds * 1000, undefined, { signal: done.signal }).then(() => {
    throw new UpgradeError('ENGINE_UNREACHABLE')
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    done.abort()
    late.catch(() => {})
  }
}

function timeLimit(command: string): UpgradeError {
  return new UpgradeError('EXEC_TIME_LIMIT', { command })
}
