import { UpgradeError } from '../errors/upgrade-error.ts'
import { type MachineHost, type ShellFile, shellFile, stateDirectory } from './machine.ts'

const script = shellFile(new URL('change.sh', import.meta.url))

/** What a change does in the machine, besides writing the record. change.sh describes each. */
export type Change =
  /** `kubelet`: its invocation id has to be the same still; without it any may run. */
  | { kind: 'note'; kubelet?: string }
  /**
   * `entries`: the entries of the work directory that the caller saw, and decided by; without them any may be there. `kept`:
   * those of another attempt that stay.
   */
  | {
      kind: 'begin'
      key: string
      endable: readonly string[]
      kubelet?: string
      entries?: ReadonlySet<string>
      kept?: readonly string[]
    }
  | { kind: 'run' | 'rest'; script: ShellFile; args: readonly string[]; input?: string }
  | {
      kind: 'start'
      unit: string
      limitSeconds: number
      script: ShellFile
      args: readonly string[]
      input?: string
      /** A service of the machine that is started when the unit ends, however it ends. */
      service?: string
    }
  | { kind: 'clear'; unit: string; invocationId: string }

/** The record that the caller saw, by its digest, and the one to write in its place; undefined keeps the old one. */
export interface RecordSwap {
  seen: string
  record: string | undefined
}

/**
 * What became of a change. `differs`: the record, the unit, the kubelet or the work directory is not the one that the caller saw,
 * and nothing was changed. `busy`: a unit of ours is at work, and nothing was changed.
 */
export type ChangeResult = { kind: 'made'; output: string } | { kind: 'differs' | 'busy' }

// A change that runs a script holds the machine's lock for so long at most.
const timeoutSeconds = 120

/**
 * Makes one change in the machine, under the machine's lock and only if the record is the one that the caller saw.
 * Throws EXEC_FAILED, DISK_FULL and what the engine throws; the record may have been written then, and a script of
 * `run` may have run in part.
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
        ...wanted.endable,
      ]
    case 'run':
    case 'rest':
      return [wanted.script.text, ...wanted.args]
    case 'start':
      return [wanted.unit, String(wanted.limitSeconds), wanted.service ?? '', wanted.script.text, ...wanted.args]
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
