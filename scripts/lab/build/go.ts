import { existsSync } from 'node:fs'
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

const cCompiler: Prerequisite<string> = {
  title: 'C compiler and libseccomp',
  find: async () => {
    const version = await attempt`gcc -dumpversion`
    return existsSync('/usr/include/seccomp.h') ? version : undefined
  },
  create: async () => {
    if (!isRootOnDebian()) throw new UserError('gcc or the headers of libseccomp are missing.', 'install them')
    await installPackages(['gcc', 'libc6-dev', 'libseccomp-dev'])
    return run`gcc -dumpversion`
  },
}

/** Ensures what runc is built with besides Go, and resolves to the version of the compiler. */
export function ensureCCompiler(): Promise<string> {
  return ensure(cCompiler)
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

/** What a build adds to the flags of the lab. */
export interface GoBuildOptions {
  /** Flags of the linker, such as the -X flags by which a program states its version. */
  linkerFlags?: string
  /** The build tags of a program that is partly in C, which is then linked statically. */
  cTags?: readonly string[]
}

/**
 * Builds main packages of the module in `folder`, reproducibly and without a trace of the folder. `out` is a file, or a
 * folder with a slash at the end.
 */
export async function goBuild(
  folder: string,
  out: string,
  packages: readonly string[],
  { linkerFlags = '', cTags }: GoBuildOptions = {},
): Promise<void> {
  const go = run({ cwd: folder, env: { ...env, ...(cTags && { CGO_ENABLED: '1' }) }, timeoutSeconds: 3600 })
  const flags = cTags ? ['-buildmode=pie', '-tags', cTags.join(' ')] : []
  const linker = `-s -w ${linkerFlags}${cTags ? ' -extldflags -static-pie' : ''}`
  // -v names each package while it is compiled.
  await go`go build -v -trimpath -mod=mod ${flags} -ldflags ${linker} -o ${out} ${packages}`
}
