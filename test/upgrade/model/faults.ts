import type { EventClock } from './event-clock.ts'

/** What becomes of the effect and of the answer of an exec. */
export type ExecFault =
  /** The effect comes late, and the answer with it. */
  | 'slow before'
  /** The answer comes late. */
  | 'slow after'
  /** The engine is lost before the effect, or after it. */
  | 'lost before'
  | 'lost after'
  /** The command ends in an error before it has done anything. */
  | 'error'
  /** The command is killed just before, or just after, it writes the record. */
  | 'killed before the record'
  | 'killed after the record'

/** A fault of one of the next execs of a replica. */
export interface PlannedExec {
  replica: number
  at: 'look' | 'change'
  fault: ExecFault
  seconds: number
  /** How many execs of this kind still go well. */
  skip: number
}

/**
 * How a run of a unit fails: before its effect, in the middle of it, or after it. The number is that of the static pods
 * that kubeadm has changed by then.
 */
export type UnitFault = 'before' | 'after' | { halfway: number }

/** A fault that lasts for a while. */
export type Lasting =
  | 'network cut'
  | 'disk full'
  | 'engine away 0'
  | 'engine away 1'
  | 'member unwell'
  | 'containerd away'
  | `kubelet ${string} broken`

/** All faults of a world, planned and present. */
export class Faults {
  readonly execs: PlannedExec[] = []
  readonly units = new Map<string, UnitFault[]>()
  readonly #clock: EventClock
  readonly #lasting = new Map<Lasting, { until: number; since: number; end: () => void }>()

  constructor(clock: EventClock) {
    this.#clock = clock
  }

  /** The fault of this exec, if one is planned; it happens once. */
  take(replica: number, at: PlannedExec['at']): PlannedExec | undefined {
    for (const planned of this.execs) {
      if (planned.replica !== replica || planned.at !== at) continue
      planned.skip -= 1
      if (planned.skip >= 0) continue
      this.execs.splice(this.execs.indexOf(planned), 1)
      return planned
    }
    return undefined
  }

  /** Begins a fault, or lets it last longer. */
  begin(fault: Lasting, seconds: number, begin = () => {}, end = () => {}): void {
    const now = this.#clock.monotonic()
    const before = this.#lasting.get(fault)
    const until = Math.max(before?.until ?? 0, now + seconds * 1000)
    this.#lasting.set(fault, { until, since: before?.since ?? now, end })
    begin()
    this.#clock.after(seconds, () => {
      const lasting = this.#lasting.get(fault)
      if (lasting && lasting.until <= this.#clock.monotonic()) this.#end(fault)
    })
  }

  has(fault: Lasting): boolean {
    return this.#lasting.has(fault)
  }

  /** Seconds for which the fault has lasted; 0 where it is not there. */
  age(fault: Lasting): number {
    const lasting = this.#lasting.get(fault)
    return lasting ? (this.#clock.monotonic() - lasting.since) / 1000 : 0
  }

  /** Nothing goes wrong any more. */
  end(): void {
    this.execs.length = 0
    this.units.clear()
    for (const fault of this.#lasting.keys()) this.#end(fault)
  }

  #end(fault: Lasting): void {
    const lasting = this.#lasting.get(fault)
    this.#lasting.delete(fault)
    lasting?.end()
  }
}
