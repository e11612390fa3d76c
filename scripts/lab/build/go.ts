import { attempt, run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import { installPackages, isRootOnDebian } from '../host/apt.ts'
import { ensure, type Prerequisite } from '../host/prerequisite.ts'

// Static programs, built by the Go version that a module requires: Go fetches it even where GOTOOLCHAIN forbids that.
const env = { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' }

// 1.21 is the first Go that fetches a newer one (https://go.dev/doc/toolchain).
const go: Prerequisite<string> = {
  title: 'Go',
  find: async () => {
    const version = await attempt`go env GOVERSION`
    const minor = /^go1\.(\d+)/.exec(version ?? '')?.[1]
    return Number(minor) >= 21 ? version : undefined
  },
  create: async () => {
    if (!isRootOnDebian()) throw new UserError('Go 1.21 or newer is missing.', 'install it')
    await installPackages(['golang-go', 'ca-certificates'])
    return run`go env GOVERSION`
  },
}

let ensured: Promise<string> | undefined

/** Ensures a Go that can build every module of the lab, once per process, and resolves to its version. */
export function ensureGo(): Promise<string> {
  ensured ??= ensure(go)
  return ensured
}

/** Runs the go command in a folder and resolves to its standard output. */
export function goRun(folder: string, ...args: string[]): Promise<string> {
  return run({ cwd: folder, env })`go ${args}`
}

/**
 * Builds main packages of the module in `folder`, reproducibly and without a trace of the folder. `out` is a file, or a
 * folder with a slash at the end; `linkerFlags` are added to those of the lab.
 */
export async function goBuild(
  folder: string,
  out: string,
  packages: readonly string[],
  linkerFlags = '',
): Promise<void> {
  const go = run({ cwd: folder, env, timeoutSeconds: 3600 })
  // -v names each package while it is compiled.
  await go`go build -v -trimpath -mod=mod -ldflags ${`-s -w ${linkerFlags}`} -o ${out} ${packages}`
}
