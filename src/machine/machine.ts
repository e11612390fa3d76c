import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Role } from '../contract/role.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { commandName, scriptCommand, scriptOutput } from './command.ts'
import { namesFullDisk } from './disk-full.ts'
import type { Engine, ExecOptions, ExecResult } from './engine.ts'

// Everything that this program leaves on a machine is below this directory, on the machine's /var volume.
export const stateDirectory = '/var/lib/capd-kubeadm-upgrader'

// One CAPD machine, seen as a host that runs commands.
export interface Machine {
  // The container's name, which is also its host name and the name of its Node.
  readonly name: string
  readonly cluster: string
  readonly role: Role
  // Runs a command and gives its standard output; throws EXEC_FAILED when it exits with another code than 0.
  run(argv: string[], options?: ExecOptions): Promise<string>
  // Runs a command and gives whatever came of it.
  attempt(argv: string[], options?: ExecOptions): Promise<ExecResult>
  // True when there is something at the path.
  has(path: string): Promise<boolean>
  // Runs one of this repository's shell files with arguments in the machine's sh, and gives what it printed; throws
  // EXEC_FAILED also when the output did not arrive whole, because no output means success to many scripts.
  script(file: URL, ...args: string[]): Promise<string>
  // The same, with data on the script's standard input, which no process list shows. The data may arrive cut off.
  feed(file: URL, input: string, ...args: string[]): Promise<string>
  // Writes one of this repository's shell files into the machine, as a unit can run it later; gives its path.
  install(file: URL, path: string): Promise<string>
  // Reads a path of the cluster's API, as this machine's own API server (control plane) or as this machine's
  // kubelet may (worker) answers it; undefined when it does not. There is no other verb: nothing is ever written.
  get(path: string): Promise<string | undefined>
}

export function machineOn(engine: Engine, at: Pick<Machine, 'name' | 'cluster' | 'role'>): Machine {
  const attempt: Machine['attempt'] = (argv, options) => engine.exec(at.name, argv, options)
  const run: Machine['run'] = async (argv, options) => {
    const result = await attempt(argv, options)
    if (result.exitCode === 0) return result.stdout
    if (namesFullDisk(result.stderr)) throw new UpgradeError('DISK_FULL', {}, { detail: result.stderr })
    const command = commandName(argv)
    throw new UpgradeError('EXEC_FAILED', { command }, { detail: result.stderr || result.stdout })
  }
  const script = async (file: URL, args: string[], options?: ExecOptions) => {
    const name = basename(file.pathname)
    const stdout = await run(scriptCommand(name, readFileSync(file, 'utf8'), args), options)
    const output = scriptOutput(stdout)
    if (output === undefined) throw new UpgradeError('EXEC_FAILED', { command: name }, { detail: stdout })
    return output
  }
  return {
    ...at,
    run,
    attempt,
    has: async (path) => (await attempt(['test', '-e', path])).exitCode === 0,
    script: (file, ...args) => script(file, args),
    feed: (file, input, ...args) => script(file, args, { input }),
    install: async (file, path) => {
      // Counted and renamed into place, so that a unit never reads half a script.
      const write = 'mkdir -p "$(dirname "$1")" && cat >"$1.new" && [ "$(wc -c <"$1.new")" = "$2" ] && mv "$1.new" "$1"'
      const input = readFileSync(file, 'utf8')
      await run(['sh', '-c', write, 'install', path, String(Buffer.byteLength(input))], { input })
      return path
    },
    get: async (path) => {
      // --raw needs no discovery, whose cache kubectl would leave in the machine.
      const { exitCode, stdout } = await attempt([
        'kubectl',
        ...credentials(at.role),
        '--request-timeout=10s',
        'get',
        `--raw=${path}`,
      ])
      return exitCode === 0 ? stdout : undefined
    },
  }
}

// The API server's certificate always names "kubernetes", but 127.0.0.1 only where certSANs has it.
function credentials(role: Machine['role']): string[] {
  if (role === 'worker') return ['--kubeconfig=/etc/kubernetes/kubelet.conf']
  const local = ['--server=https://127.0.0.1:6443', '--tls-server-name=kubernetes']
  return ['--kubeconfig=/etc/kubernetes/admin.conf', ...local]
}
