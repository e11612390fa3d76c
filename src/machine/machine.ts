import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { reportsFullDisk } from './disk-full.ts'
import type { Engine } from './engine.ts'

/** The directory of this service in a machine, on its /var volume. Everything that the service keeps is below it. */
export const stateDirectory = '/var/lib/capd-kubeadm-upgrader'

/** The identity of a machine. */
export interface MachineIdentity {
  /** The name of the container, which is also its host name and the name of the Node. */
  readonly name: string
  readonly cluster: string
  readonly role: 'control-plane' | 'worker'
}

/** A CAPD machine as a host that runs the shell files of this repository. Nothing else ever runs there. */
export interface MachineHost extends MachineIdentity {
  /**
   * Runs a shell file and returns its standard output. The text of the file, its arguments and its input are passed
   * separately, so that data is never interpreted as shell code. Throws DISK_FULL and EXEC_FAILED when the exit code is
   * not 0, and the errors of `Engine.exec`.
   */
  run(script: ShellFile, args: readonly string[], options?: RunOptions): Promise<string>
}

/** Options of a run. */
export interface RunOptions {
  /** Standard input; empty by default. */
  input?: string
  /** Time limit. After it, the command is ended in the machine and EXEC_TIME_LIMIT is thrown. Default 30. */
  timeoutSeconds?: number
}

/** A shell file of this repository. `name` is for messages. */
export interface ShellFile {
  name: string
  text: string
}

/**
 * Reads a shell file, which is in the folder of the module that uses it. A line such as `. ./health.sh` stands for the
 * text of that file, since a machine has none of these files.
 */
export function shellFile(url: URL): ShellFile {
  return { name: basename(url.pathname), text: textOf(url) }
}

function textOf(url: URL): string {
  const text = readFileSync(url, 'utf8')
  return text.replaceAll(/^\. (\.\/.+\.sh)\n/gm, (_, path: string) => textOf(new URL(path, url)))
}

/** The machine in a container. The caller has checked its identity. */
export function machineOn(engine: Engine, identity: MachineIdentity): MachineHost {
  return {
    ...identity,
    async run(script, args, { input = '', timeoutSeconds } = {}) {
      const argv = ['sh', '-c', script.text, script.name, ...args]
      const options = { input, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) }
      const { exitCode, stdout, stderr } = await engine.exec(identity.name, argv, options)
      if (exitCode === 0) return stdout
      const detail = stderr || stdout
      if (reportsFullDisk(detail)) throw new UpgradeError('DISK_FULL', {}, { detail })
      throw new UpgradeError('EXEC_FAILED', { command: script.name }, { detail })
    },
  }
}
