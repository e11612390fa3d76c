import { Readable } from 'node:stream'
import Docker from 'dockerode'
import { type SteadyClock, steadyClock } from './clock.ts'
import { firstFileIn } from './docker-archive.ts'
import { type ExecEvent, exec } from './docker-exec.ts'
import { startHelper } from './docker-helper.ts'
import { findImage } from './docker-image.ts'
import { pullImage } from './docker-pull.ts'
import type { Container, Engine } from './engine.ts'
import { boundedCall } from './engine-call.ts'
import { engineError } from './engine-error.ts'

export interface DockerEngineOptions {
  // The client. By default of the engine at DOCKER_HOST (read by dockerode, with DOCKER_TLS_VERIFY and
  // DOCKER_CERT_PATH), else at the default socket.
  docker?: Docker
  clock?: SteadyClock
  // Called after each exec, for logs and metrics. It must not throw.
  onExec?: (event: ExecEvent) => void
}

// Certificates and kubeconfigs have a few KiB.
const mostBytes = 1024 * 1024

/** The Docker engine, by its HTTP API. A call without an answer is ended after 10 s, a pull after 5 minutes of silence. */
export function dockerEngine(options: DockerEngineOptions = {}): Engine {
  const { docker = new Docker(), clock = steadyClock, onExec = () => {} } = options
  const call = async <T>(ask: (abortSignal: AbortSignal) => Promise<T>, container = ''): Promise<T> => {
    try {
      return await boundedCall(clock, ask)
    } catch (thrown) {
      throw engineError(thrown, container)
    }
  }
  // Its types lack the options that all of its methods take.
  const ping = docker.ping.bind(docker) as (options: { abortSignal: AbortSignal }) => Promise<unknown>
  return {
    async ping() {
      await call((abortSignal) => ping({ abortSignal }))
    },
    async inspect(container) {
      return describe(await call((abortSignal) => docker.getContainer(container).inspect({ abortSignal }), container))
    },
    async list(labels) {
      const label = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
      const found = await call((abortSignal) => docker.listContainers({ all: true, filters: { label }, abortSignal }))
      return found.map(({ Names }) => Names[0]?.replace('/', '') ?? '').sort()
    },
    async file(container, path) {
      try {
        const ask = async (abortSignal: AbortSignal) => {
          const options = { path, abortSignal }
          return firstFileIn(Readable.from(await docker.getContainer(container).getArchive(options)), mostBytes)
        }
        return await boundedCall(clock, ask)
      } catch (thrown) {
        if ((thrown as { statusCode?: unknown }).statusCode === 404) return undefined
        throw engineError(thrown, container)
      }
    },
    exec: (container, argv, execOptions = {}) => exec({ docker, clock, onExec }, container, argv, execOptions),
    findImage: (reference, digests) => findImage(docker, clock, reference, digests),
    pull: (reference, pullOptions) => pullImage(docker, clock, reference, pullOptions),
    helper: (helper) => startHelper(docker, clock, helper),
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
