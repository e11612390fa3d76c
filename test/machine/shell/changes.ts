import { createHash } from 'node:crypto'
import type { Change } from '../../../src/machine/change.ts'
import { type MachineHost, shellFile, stateDirectory } from '../../../src/machine/machine.ts'
import { createRoot, type Root } from '../../upgrade/shell/rooted.ts'
import { bytesIn, realMachine } from './real-machine.ts'
import { addSystemd } from './systemd.ts'

export const recordPath = `${stateDirectory}/attempt.json`
export const work = `${stateDirectory}/work`
export const unit = 'capd-kubeadm-upgrader-binaries'
export const changeScript = shellFile(new URL('../../../src/machine/change.sh', import.meta.url))

/** A change that runs a script of the test. */
export function run(text: string, ...args: string[]): Extract<Change, { script: unknown }> {
  return { kind: 'run', script: { name: 'of-a-test', text }, args }
}

export function start(input = ''): Extract<Change, { kind: 'start' }> {
  return { kind: 'start', unit, limitSeconds: 60, script: { name: 'of-a-test', text: 'true' }, args: [], input }
}

export const begin: Extract<Change, { kind: 'begin' }> = { kind: 'begin', key: 'k', endable: [] }
export const clear: Change = { kind: 'clear', unit, invocationId: 'run-1' }

/** A machine without units that has this record, if any. */
export function machineWith(record?: string): { root: Root; machine: MachineHost } {
  const root = createRoot()
  addSystemd(root)
  if (record !== undefined) root.write(recordPath, `${record}\n`)
  return { root, machine: realMachine(root) }
}

/** The digest of the record that is there. */
export function digestIn(root: Root): string {
  return createHash('sha256').update(bytesIn(root, recordPath)).digest('hex')
}
