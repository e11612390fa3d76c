import type { Machine } from './machine.ts'

export type UnitState = 'none' | 'running' | 'succeeded' | 'failed'

export interface UnitResult {
  state: UnitState
  exitCode: number
  // systemd's word for how it ended: success, exit-code, signal, timeout, oom-kill, …
  result: string
  // What it was started with; of a unit that is not there, its name.
  description: string
}

// Starts a command as a transient unit of the machine's systemd, which keeps it running whatever happens to us.
// One name runs once: systemd refuses a second start, which counts as started. RemainAfterExit keeps a finished
// unit visible. systemd-run needs no D-Bus daemon for this: it talks to systemd's private socket.
export async function startUnit(
  machine: Machine,
  { unit, description }: Pick<UnitResult, 'description'> & { unit: string },
  argv: string[],
  limitSeconds: number,
): Promise<void> {
  const properties = ['Type=exec', 'RemainAfterExit=yes', `RuntimeMaxSec=${limitSeconds}`]
  const options = properties.map((property) => `--property=${property}`)
  const named = [`--unit=${unit}`, `--description=${description}`]
  const started = await machine.attempt(['systemd-run', ...named, '--no-block', ...options, ...argv])
  if (started.exitCode === 0 || (await unitResult(machine, unit)).state !== 'none') return
  // Runs only to throw: the unit was refused and is not there.
  await machine.run(['systemctl', 'status', unit])
}

// How the unit is doing, by systemd's own account.
export async function unitResult(machine: Machine, unit: string): Promise<UnitResult> {
  const properties = 'Description,LoadState,ActiveState,SubState,Result,ExecMainStatus,Job'
  const shown = await machine.run(['systemctl', 'show', unit, `--property=${properties}`])
  const facts = Object.fromEntries([...shown.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]))
  const { ExecMainStatus: exitCode, Result: result = '', Description: description = '' } = facts
  return { state: stateOf(facts), exitCode: Number(exitCode), result, description }
}

function stateOf(facts: Record<string, string>): UnitState {
  if (facts.ActiveState === 'failed') return 'failed'
  if (facts.SubState === 'exited') return 'succeeded'
  if (facts.ActiveState !== 'inactive' || Number(facts.Job) > 0) return 'running'
  return 'none'
}

// Forgets a unit that has ended, so that its name can be started again. Its journal stays.
export async function clearUnit(machine: Machine, unit: string): Promise<void> {
  // Another process may have cleared it a moment ago.
  await machine.attempt(['systemctl', 'stop', unit])
  await machine.attempt(['systemctl', 'reset-failed', unit])
}

/** Forgets a unit that has failed, so that its name can be started again. One that runs by now goes on. */
export async function forgetFailure(machine: Machine, unit: string): Promise<void> {
  await machine.attempt(['systemctl', 'reset-failed', unit])
}

// The last lines of the unit's present run: its name's journal has those of earlier runs, too.
export async function unitLog(machine: Machine, unit: string, lines = 40): Promise<string> {
  const start = ['systemctl', 'show', unit, '--property=InactiveExitTimestamp', '--value', '--timestamp=us']
  const since = (await machine.run(start)).trim()
  const options = ['-o', 'cat', '--no-pager', '-n', String(lines)]
  return machine.run(['journalctl', '-u', unit, `--since=${since}`, ...options])
}
