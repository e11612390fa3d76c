import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { namesFullDisk } from './disk-full.ts'
import type { Engine } from './engine.ts'

/** Everything that this program leaves on a machine is below this directory, on the machine's /var volume. */
export const stateDirectory = '/var/lib/capd-kubeadm-upgrader'

/** Which machine an exec goes to. */
export interface MachineIdentity {
  /** The container's name, which is also its host name and the name of its Node. */
  readonly name: string
  readonly cluster: string
  readonly role: 'control-plane' | 'worker'
}

/** One CAPD machine, as a host that runs this repository's shell files. Nothing else is ever run there. */
export interface MachineHost extends MachineIdentity {
  /**
   * Runs a shell file with arguments and gives its standard output. The file travels as an argument and the input on
   * standard input, so that no data is ever read as part of a program. Throws EXEC_FAILED with the name of the file
   * when it exits with another code than 0, and what the engine throws.
   */
  run(script: ShellFile, args: readonly string[], options?: RunOptions): Promise<string>
}

export interface RunOptions {
  /** Standard input; empty by default. */
  input?: string
  /** After so many seconds the command is ended in the machine and EXEC_TIME_LIMIT is thrown. Default 30. */
  timeoutSeconds?: number
}

/** A shell file of this repository: its name for messages, and its text. */
export interface ShellFile {
  name: string
  text: string
}

/** Reads a shell file that stands next to the module that uses it. */
export function shellFile(url: URL): ShellFile {
  return { name: basename(url.pathname), text: readFileSync(url, 'utf8') }
}

/** The machine behind a container whose identity has been checked. */
export function machineOn(engine: Engine, identity: MachineIdentity): MachineHost {
  return {
    ...identity,
    async run(script, args, { input = '', timeoutSeconds } = {}) {
      const argv = ['sh', '-c', script.text, script.name, ...args]
      const options = { input, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) }
      const { exitCode, stdout, stderr } = await engine.exec(identity.name, argv, options)
      if (exitCode === 0) return stdout
      const detail = stderr || stdout
      if (namesFullDisk(detail)) throw new UpgradeError('DISK_FULL', {}, { detail })
      throw new UpgradeError('EXEC_FAILED', { command: script.name }, { detail })
    },
  }
}
