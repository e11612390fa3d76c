/** A container, as the engine describes it. */
export interface Container {
  name: string
  hostname: string
  labels: Record<string, string>
  running: boolean
  paused: boolean
  /** The name of the volume at /var; undefined where there is none. */
  varVolume: string | undefined
}

/** Options of an exec. */
export interface ExecOptions {
  /** Standard input of the command. Absent: it has none. */
  input?: string
  /** Time limit. After it, the command is ended inside the container and EXEC_TIME_LIMIT is thrown. Default 30. */
  timeoutSeconds?: number
}

/** What a command printed, and its exit code. */
export interface ExecResult {
  exitCode: number
  stdout: string
  stderr: string
}

/** A short-lived container next to the machine, which takes files from an image. */
export interface Helper {
  name: string
  image: string
  argv: string[]
  /** Mount paths by volume name. */
  volumes: Record<string, string>
}

/** The progress of a pull. */
export interface PullProgress {
  /** Downloaded bytes of all layers, compressed. */
  bytes: number
  isUnpacking: boolean
}

/** Options of a pull. */
export interface PullOptions {
  /** Aborts the pull, which then rejects with the signal's reason. */
  signal: AbortSignal
  /** Called with each report of the engine. */
  onProgress(progress: PullProgress): void
}

/**
 * A Docker engine, reduced to what the service needs. Every method can throw ENGINE_UNREACHABLE and ENGINE_REFUSED.
 * Methods that take a container can also throw CONTAINER_MISSING, CONTAINER_STOPPED and CONTAINER_PAUSED.
 */
export interface Engine {
  /** Resolves when the engine responds. */
  ping(): Promise<void>
  /** Describes a container, by its name or id. */
  inspect(container: string): Promise<Container>
  /** The names of all containers with these labels, running or not, sorted. */
  list(labels: Record<string, string>): Promise<string[]>
  /** Reads a file of at most 1 MiB, even from a stopped container; undefined where there is no such file. */
  file(container: string, path: string): Promise<string | undefined>
  /**
   * Runs a command. Throws EXEC_TIME_LIMIT, EXEC_KILLED, OUTPUT_TOO_LARGE, and EXEC_FAILED when it could not be
   * started.
   */
  exec(container: string, argv: string[], options?: ExecOptions): Promise<ExecResult>
  /**
   * Returns the reference of an image that the engine has, by its tag or one of its digests ("sha256:<hex>"), or
   * undefined.
   */
  findImage(reference: string, digests: readonly string[]): Promise<string | undefined>
  /**
   * Pulls an image for the engine's architecture, without credentials. Throws IMAGE_PULL_… and IMAGE_REFERENCE_INVALID.
   */
  pull(reference: string, options: PullOptions): Promise<void>
  /**
   * Starts a helper container, unless it is running. It runs argv instead of the image's entrypoint, has no network,
   * and is removed by the engine when argv ends. Throws IMAGE_SOURCE_MISSING, IMAGE_REFERENCE_INVALID, and NAME_TAKEN
   * when a container that is not a helper has the name.
   */
  helper(helper: Helper): Promise<void>
}
