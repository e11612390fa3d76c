import { UpgradeError } from '../errors/upgrade-error.ts'
import { type MachineHost, type ShellFile, shellFile, stateDirectory } from './machine.ts'

const script = shellFile(new URL('change.sh', import.meta.url))

/** A change of a machine, which comes with a new attempt record. change.sh describes each kind. */
export type Change =
  /**
   * `kubelet`: the change is made only if the kubelet still has this invocation id. Without it any kubelet is accepted.
   */
  | { kind: 'note'; kubelet?: string }
  /**
   * `endable`: the units that may be ended. `entries`: the change is made only if the work directory still has exactly
   * these entries; without them any are accepted. `kept`: the entries that stay where the directory is of another
   * attempt. `renewed`: the entries that are removed where it is of the same attempt.
   */
  | {
      kind: 'begin'
      key: string
      endable: readonly string[]
      kubelet?: string
      entries?: ReadonlySet<string>
      kept?: readonly string[]
      renewed?: readonly string[]
    }
  | { kind: 'rest'; script: ShellFile; args: readonly string[]; input?: string }
  /** `alongside`: the units that may be running at the same time. */
  | { kind: 'run'; script: ShellFile; args: readonly string[]; input?: string; alongside?: readonly string[] }
  | {
      kind: 'start'
      unit: string
      limitSeconds: number
      script: ShellFile
      args: readonly string[]
      input?: string
      /** The units that may be running at the same time. */
      alongside?: readonly string[]
      /** A service of the machine that is started when the unit ends, however it ends. */
      service?: string
    }
  | { kind: 'clear'; unit: string; invocationId: string }

/** A compare-and-swap of the attempt record. */
export interface RecordSwap {
  /** The SHA-256 in hex of the record that the caller observed; empty where there was none. */
  seen: string
  /** The record to write; undefined keeps the old one. */
  record: string | undefined
}

/**
 * The result of a change. Only `made` has changed the machine. `differs`: the record, the unit, the kubelet or the work
 * directory is no longer the one that the caller observed. `busy`: a unit of this service is running, and not one that
 * may run alongside.
 */
export type ChangeResult = { kind: 'made'; output: string } | { kind: 'differs' | 'busy' }

// The longest time for which a change may hold the machine's lock.
const timeoutSeconds = 120

/**
 * Makes one change in the machine. It holds the machine's lock and compares the record first. Throws EXEC_FAILED,
 * DISK_FULL and the errors of `Engine.exec`. After an error the record may have been written, and the script of a `run`
 * may have run in part.
 */
export async function change(machine: MachineHost, swap: RecordSwap, wanted: Change): Promise<ChangeResult> {
  const input = 'input' in wanted ? (wanted.input ?? '') : ''
  const bytes = String(Buffer.byteLength(input))
  const args = [stateDirectory, swap.seen, swap.record ?? '', bytes, wanted.kind, ...argumentsOf(wanted)]
  const printed = await machine.run(script, args, { input, timeoutSeconds })
  const [first = '', ...rest] = printed.split('\n')
  if (first === 'made') return { kind: 'made', output: rest.join('\n') }
  if (first === 'differs' || first === 'busy') return { kind: first }
  throw new UpgradeError('EXEC_FAILED', { command: script.name }, { detail: printed })
}

function argumentsOf(wanted: Change): string[] {
  switch (wanted.kind) {
    case 'note':
      return wanted.kubelet === undefined ? [] : [wanted.kubelet]
    case 'begin':
      return [
        wanted.key,
        wanted.kubelet ?? '',
        wanted.entries ? listed(wanted.entries) : '*',
        (wanted.kept ?? []).join(' '),
        (wanted.renewed ?? []).join(' '),
        ...wanted.endable,
      ]
    case 'run':
      return [(wanted.alongside ?? []).join(' '), wanted.script.text, ...wanted.args]
    case 'rest':
      return [wanted.script.text, ...wanted.args]
    case 'start':
      return [
        wanted.unit,
        String(wanted.limitSeconds),
        wanted.service ?? '',
        (wanted.alongside ?? []).join(' '),
        wanted.script.text,
        ...wanted.args,
      ]
    case 'clear':
      return [wanted.unit, wanted.invocationId]
  }
}

// As `sort` in the C locale and `tr` print them: all of them have ASCII names.
function listed(entries: ReadonlySet<string>): string {
  return [...entries]
    .sort()
    .map((entry) => `${entry} `)
    .join('')
}
