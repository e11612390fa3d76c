import { attempt, run } from '../../host/run.ts'
import { UserError } from '../../host/user-error.ts'
import { install, onDebianAsRoot } from '../host/debian.ts'
import { need, type Stage } from '../host/stage.ts'

// Static programs, built by the Go that a module asks for: an older one fetches it, even where it was set not to.
const env = { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' }

// Wanted only where something must be built. 1.21 was the first Go that fetches a newer one by itself.
const go: Stage<string> = {
  title: 'Go',
  there: async () => {
    const version = await attempt('go', ['env', 'GOVERSION'])
    const minor = /^go1\.(\d+)/.exec(version ?? '')?.[1]
    return Number(minor) >= 21 ? version : undefined
  },
  make: async () => {
    if (!onDebianAsRoot()) throw new UserError('There is no Go, 1.21 or newer.', 'install it')
    await install(['golang-go', 'ca-certificates'])
    return run('go', ['env', 'GOVERSION'])
  },
}

let found: Promise<string> | undefined

export function needGo(): Promise<string> {
  found ??= need(go)
  return found
}

export function goRun(folder: string, ...args: string[]) {
  return run('go', args, { cwd: folder, env })
}

// Builds main packages of the module in `folder`: no trace of the folder, the same bytes from the same sources.
// `out` is a file, or a folder with a slash at the end. -v names each package while it is compiled.
export async function goBuild(folder: string, out: string, packages: readonly string[], stamp = '') {
  const args = ['build', '-v', '-trimpath', '-mod=mod', '-ldflags', `-s -w ${stamp}`, '-o', out, ...packages]
  await run('go', args, { cwd: folder, env, seconds: 3600 })
}
