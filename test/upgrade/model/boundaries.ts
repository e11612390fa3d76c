import type { Call, Interceptor } from './interceptor.ts'
import type { ModelWorld } from './world.ts'

/** Where in a step a fault begins. Of a step that only looks, `before` is its first wait, and `after` the end of the last one. */
export const boundaries = ['before', 'during', 'after'] as const
export type Boundary = (typeof boundaries)[number]

const units = ['binaries', 'images', 'render', 'prepare', 'exchange', 'kubeadm', 'kubelet']
const waits = ['kubeadm-config', 'api-servers', 'images-loaded', 'static-pods', 'verify']
// Units end after three seconds, and helper containers as node-image.ts has it: a moment later is before anything has seen it.
const unitSeconds = { during: 1.5, after: 3 }
const helperSeconds: Record<string, typeof unitSeconds> = {
  'binaries-copy': { during: 0.5, after: 1 },
  'image-archive': { during: 2, after: 5 },
}

/** What change.sh is called for. */
interface Asked {
  kind: string
  unit: string | undefined
  step: string | undefined
  state: string | undefined
  isEntry: boolean
}

/** Lets a fault begin once, at a boundary of a step. */
export class FaultAt implements Interceptor {
  /** True once the fault has begun. */
  isHit = false
  readonly #world: ModelWorld
  readonly #step: string
  readonly #boundary: Boundary
  readonly #begin: (replica: number) => void
  #isInStep = false

  constructor(world: ModelWorld, step: string, boundary: Boundary, begin: (replica: number) => void) {
    this.#world = world
    this.#step = step
    this.#boundary = boundary
    this.#begin = begin
  }

  before(call: Call): 'cut' | undefined {
    if (this.isHit) return undefined
    const isAction = this.#isAction(call)
    if (this.#boundary === 'before' && isAction) this.#hit(call)
    if (this.#boundary === 'after' && this.#isInStep && isPast(askedOf(call), this.#step)) this.#hit(call)
    if (this.#boundary !== 'during' || !isAction || this.#lasts()) return undefined
    this.#hit(call)
    return 'cut'
  }

  after(call: Call): void {
    this.#keepWaitingShort(askedOf(call))
    if (this.isHit || this.#boundary === 'before' || !this.#isAction(call)) return
    if (waits.includes(this.#step)) {
      this.#isInStep = true
      if (this.#boundary === 'during') this.#hitLater(call, 1)
    } else if (units.includes(this.#step)) this.#hitLater(call, unitSeconds[this.#boundary])
    else if (this.#helperSeconds) this.#hitLater(call, this.#helperSeconds[this.#boundary])
    else this.#hit(call)
  }

  // True for a step that goes on by itself for a while.
  #lasts(): boolean {
    return this.#helperSeconds !== undefined || [...units, ...waits].includes(this.#step)
  }

  get #helperSeconds(): typeof unitSeconds | undefined {
    return helperSeconds[this.#step]
  }

  #isAction(call: Call): boolean {
    const asked = askedOf(call)
    if (this.#helperSeconds) return call.argv[3] === this.#step
    if (this.#step === 'preflight') return call.argv[3] === 'observe.sh'
    if (this.#step === 'begin') return asked?.kind === 'begin'
    if (this.#step === 'done') return asked?.state === 'done'
    if (units.includes(this.#step)) return asked?.unit === `capd-kubeadm-upgrader-${this.#step}`
    if (waits.includes(this.#step)) return asked?.isEntry === true && asked.step === this.#step
    return asked?.kind === 'run' && asked.step === this.#step
  }

  #hit({ replica }: Call): void {
    if (this.isHit) return
    this.isHit = true
    this.#world.tell(`the fault begins, ${this.#boundary} ${this.#step}`)
    this.#begin(replica)
  }

  #hitLater(call: Call, seconds: number): void {
    this.#world.clock.after(seconds, () => this.#hit(call))
  }

  // What the rest of the cluster has to come to: a moment after the step has begun to wait for it.
  #keepWaitingShort(asked: Asked | undefined): void {
    if (asked?.isEntry === true && asked.step === this.#step && waits.includes(this.#step)) {
      this.#world.clock.after(8, () => this.#world.bringClusterToWish())
    }
  }
}

function askedOf({ argv }: Call): Asked | undefined {
  if (argv[3] !== 'change.sh') return undefined
  const [, record, , kind = '', unit] = argv.slice(5)
  const noted = record ? JSON.parse(record) : undefined
  return {
    kind,
    unit: kind === 'start' ? unit : undefined,
    step: noted?.step?.name,
    state: noted?.state,
    isEntry: kind === 'note' && noted?.events.at(-1)?.event === 'started',
  }
}

function isPast(asked: Asked | undefined, step: string): boolean {
  return asked !== undefined && asked.step !== step
}
