import type { SimulatedClock } from './simulated-clock.ts'

export interface Ending {
  exitCode: number
  log: string
}

interface Unit {
  name: string
  script: string
  state: 'running' | 'exited' | 'failed'
  result: 'success' | 'exit-code' | 'timeout'
  exitCode: number
  invocationId: string
  log: string
  end: () => Ending
}

// Units without a time of their own end after this.
const usualSeconds = 3

// The transient units of a simulated machine's systemd. They end by themselves, unless the test holds them.
export class Units {
  // Every start that systemd took, by name, in order: what may happen only once.
  readonly starts: string[] = []
  readonly #clock: SimulatedClock
  readonly #units = new Map<string, Unit>()
  readonly #held = new Set<string>()
  readonly #planned = new Map<string, Ending[]>()

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

  start(name: string, script: string, limitSeconds: number, end: () => Ending): void {
    if (this.#units.has(name)) throw new Error(`Unit ${name}.service was already loaded or has a fragment file.`)
    const unit: Unit = {
      name,
      script,
      state: 'running',
      result: 'success',
      exitCode: 0,
      invocationId: `run-${this.starts.length + 1}`,
      log: '',
      end,
    }
    this.#units.set(name, unit)
    this.starts.push(name)
    if (!this.#held.has(script)) this.#clock.after(usualSeconds, () => this.#finish(unit))
    this.#clock.after(limitSeconds, () => this.#timeOut(unit))
  }

  get running(): string[] {
    return [...this.#units.values()].filter(({ state }) => state === 'running').map(({ name }) => name)
  }

  invocationOf(name: string): string | undefined {
    return this.#units.get(name)?.invocationId
  }

  // systemctl show of all units of ours, one block each.
  show(): string {
    const active = { running: ['active', 'running'], exited: ['active', 'exited'], failed: ['failed', 'failed'] }
    const blocks = [...this.#units.values()].map((unit) => {
      const [activeState, subState] = active[unit.state]
      return [
        `Id=${unit.name}.service`,
        `ActiveState=${activeState}`,
        `SubState=${subState}`,
        `Result=${unit.result}`,
        `ExecMainStatus=${unit.exitCode}`,
        `InvocationID=${unit.invocationId}`,
      ].join('\n')
    })
    return blocks.join('\n\n')
  }

  // What the units that failed have logged in their present run.
  logs(): string {
    return [...this.#units.values()]
      .filter(({ state }) => state === 'failed')
      .map(({ log }) => log)
      .join('')
  }

  // Stopped and reset: its name can be started again.
  forget(name: string): void {
    this.#units.delete(name)
  }

  // What a restart of the machine leaves of transient units.
  clear(): void {
    this.#units.clear()
  }

  #finish(unit: Unit): void {
    if (unit.state !== 'running' || this.#units.get(unit.name) !== unit) return
    const { exitCode, log } = this.#planned.get(unit.script)?.shift() ?? unit.end()
    const [state, result] = exitCode === 0 ? (['exited', 'success'] as const) : (['failed', 'exit-code'] as const)
    Object.assign(unit, { state, result, exitCode, log })
  }

  #timeOut(unit: Unit): void {
    if (unit.state !== 'running' || this.#units.get(unit.name) !== unit) return
    Object.assign(unit, { state: 'failed', result: 'timeout', exitCode: 15 })
  }
}
