export interface Container {
  name: string
  hostname: string
  labels: Record<string, string>
  running: boolean
  paused: boolean
  // The volume at /var, by name, if there is one.
  varVolume: string | undefined
}

export interface ExecOptions {
  // Fed to the command's standard input, which is closed at its end.
  input?: string
  // After so many seconds the command is ended inside the container and EXEC_TIME_LIMIT is thrown. Default 30.
  timeoutSeconds?: number
}

export interface ExecResult {
  exitCode: number
  stdout: string
  stderr: string
}

export interface Helper {
  name: string
  image: string
  argv: string[]
  // Volume name to where it is mounted.
  volumes: Record<string, string>
}

/** How far a pull is. */
export interface PullProgress {
  /** Of all layers, as they travel. */
  bytes: number
  isUnpacking: boolean
}

export interface PullOptions {
  /** Ends the pull, which then rejects with the signal's reason. */
  signal: AbortSignal
  /** Called with each report of the engine. */
  onProgress(progress: PullProgress): void
}

/**
 * What is asked of a Docker engine, in the words of the rest of the code. Every method can throw ENGINE_UNREACHABLE and
 * ENGINE_REFUSED; those that take a container also CONTAINER_MISSING, CONTAINER_STOPPED, CONTAINER_PAUSED.
 */
export interface Engine {
  ping(): Promise<void>
  inspect(container: string): Promise<Container>
  // The names of all containers with these labels, running or not, in order.
  list(labels: Record<string, string>): Promise<string[]>
  // The content of a file of at most 1 MiB, also of a container that does not run; undefined where there is none.
  file(container: string, path: string): Promise<string | undefined>
  // Throws EXEC_TIME_LIMIT, EXEC_KILLED, OUTPUT_TOO_LARGE, and EXEC_FAILED when the command could not be started.
  exec(container: string, argv: string[], options?: ExecOptions): Promise<ExecResult>
  // The reference by which the engine has this image, by its tag or by one of these digests ("sha256:<hex>") of it.
  findImage(reference: string, digests: readonly string[]): Promise<string | undefined>
  // Has the engine pull an image of its own architecture, without credentials. Throws the IMAGE_PULL_ errors and
  // IMAGE_REFERENCE_INVALID.
  pull(reference: string, options: PullOptions): Promise<void>
  // Makes sure that a helper container of this name runs: the image with argv in place of its entrypoint,
  // without network, removed by the engine when argv ends. Throws IMAGE_SOURCE_MISSING, IMAGE_REFERENCE_INVALID, and
  // NAME_TAKEN when a container of another has the name.
  helper(helper: Helper): Promise<void>
}
