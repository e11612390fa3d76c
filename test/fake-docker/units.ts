import type { ExecResult } from '../../src/machine/engine.ts'
import type { SimulatedClock } from './simulated-clock.ts'

export interface Ending {
  exitCode: number
  log: string
}

interface Unit {
  name: string
  description: string
  script: string
  state: 'running' | 'exited' | 'failed'
  result: 'success' | 'exit-code' | 'timeout'
  exitCode: number
  startedAt: number
  end: () => Ending
}

// Units that nothing is said about end after this.
const usualSeconds = 3

// The transient units of a simulated machine's systemd. They end by themselves, unless the test holds them.
export class Units {
  // Every start that systemd took, by name, in order: what may happen only once.
  readonly starts: string[] = []
  readonly #clock: SimulatedClock
  readonly #units = new Map<string, Unit>()
  readonly #held = new Set<string>()
  readonly #planned = new Map<string, Ending[]>()
  readonly #journal: { unit: string; at: number; text: string }[] = []

  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }

  get names(): string[] {
    return [...this.#units.keys()]
  }

  // The unit of this script stays running until `release`.
  hold(script: string): void {
    this.#held.add(script)
  }

  release(script: string): void {
    this.#held.delete(script)
    for (const unit of this.#units.values()) if (unit.script === script) this.#finish(unit)
  }

  // The next runs of this script do nothing but fail like this.
  fail(script: string, ending: Ending, times = 1): void {
    this.#planned.set(script, Array<Ending>(times).fill(ending))
  }

  start(
    named: { name: string; description: string },
    script: string,
    limitSeconds: number,
    end: () => Ending,
  ): ExecResult {
    const { name, description } = named
    if (this.#units.has(name)) return refusal(1, `Unit ${name}.service was already loaded or has a fragment file.`)
    const unit: Unit = {
      name,
      description,
      script,
      state: 'running',
      result: 'success',
      exitCode: 0,
      startedAt: this.#clock.now(),
      end,
    }
    this.#units.set(name, unit)
    this.starts.push(name)
    if (!this.#held.has(script)) this.#clock.after(usualSeconds, () => this.#finish(unit))
    this.#clock.after(limitSeconds, () => this.#timeOut(unit))
    return { exitCode: 0, stdout: '', stderr: `Running as unit: ${name}.service\n` }
  }

  // systemctl show, which answers for units that do not exist, too.
  show(name: string): string {
    const unit = this.#units.get(name)
    if (!unit)
      return `Description=${name}.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\nExecMainStatus=0\n`
    const active = {
      running: ['active', 'running'],
      exited: ['active', 'exited'],
      failed: ['failed', 'failed'],
    }
    const [activeState, subState] = active[unit.state]
    return [
      `Description=${unit.description}`,
      'LoadState=loaded',
      `ActiveState=${activeState}`,
      `SubState=${subState}`,
      `Result=${unit.result}`,
      `ExecMainStatus=${unit.exitCode}`,
      '',
    ].join('\n')
  }

  // A transient unit that failed stays, stopped or not, until it is reset.
  stop(name: string): ExecResult {
    const unit = this.#units.get(name)
    if (!unit) return refusal(5, `Failed to stop ${name}.service: Unit ${name}.service not loaded.`)
    if (unit.state !== 'failed') this.#units.delete(name)
    return { exitCode: 0, stdout: '', stderr: '' }
  }

  // One that has not failed stays as it is.
  resetFailed(name: string): ExecResult {
    const unit = this.#units.get(name)
    if (!unit) return refusal(1, `Failed to reset failed state: Unit ${name}.service not loaded.`)
    if (unit.state === 'failed') this.#units.delete(name)
    return { exitCode: 0, stdout: '', stderr: '' }
  }

  startOf(name: string): string {
    const unit = this.#units.get(name)
    return unit ? new Date(unit.startedAt).toISOString() : ''
  }

  // The journal outlives units: without a time to start at, it has what earlier runs of the name wrote.
  log(name: string, since: string | undefined): string {
    const from = since ? Date.parse(since) : 0
    const lines = this.#journal.filter(({ unit, at }) => unit === name && at >= from)
    return lines.map(({ text }) => text).join('')
  }

  // What a restart of the machine leaves of transient units.
  clear(): void {
    this.#units.clear()
  }

  #finish(unit: Unit): void {
    if (unit.state !== 'running' || this.#units.get(unit.name) !== unit) return
    const { exitCode, log } = this.#planned.get(unit.script)?.shift() ?? unit.end()
    const [state, result] = exitCode === 0 ? (['exited', 'success'] as const) : (['failed', 'exit-code'] as const)
    Object.assign(unit, { state, result, exitCode })
    this.#journal.push({ unit: unit.name, at: this.#clock.now(), text: log })
  }

  #timeOut(unit: Unit): void {
    if (unit.state !== 'running' || this.#units.get(unit.name) !== unit) return
    Object.assign(unit, { state: 'failed', result: 'timeout', exitCode: 15 })
  }
}

function refusal(exitCode: number, stderr: string): ExecResult {
  return { exitCode, stdout: '', stderr }
}
