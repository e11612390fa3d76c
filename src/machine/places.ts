import { UpgradeError } from '../errors/upgrade-error.ts'

/** How many wait for a place at most. */
export const waitingLimit = 500

/** Gives the place back. */
export type Leave = () => void

interface Waiting {
  container: string
  take: (leave: Leave) => void
}

/**
 * A number of places, of which each container holds only so many at once. The others wait in the order in which they
 * came; one whose container holds all that it may is passed over until it has left one.
 */
export class Places {
  readonly #atOnce: number
  readonly #eachAtOnce: number
  readonly #waiting: Waiting[] = []
  readonly #heldBy = new Map<string, number>()
  #held = 0

  constructor(atOnce: number, eachAtOnce: number) {
    this.#atOnce = atOnce
    this.#eachAtOnce = eachAtOnce
  }

  /** Resolves when there is a place. Throws ENGINE_BUSY when more than 500 wait. */
  async enter(container: string): Promise<Leave> {
    if (this.#isFreeFor(container)) return this.#hold(container)
    if (this.#waiting.length >= waitingLimit) throw new UpgradeError('ENGINE_BUSY')
    return new Promise((take) => this.#waiting.push({ container, take }))
  }

  /** The same, before all who wait, however many they are. */
  async enterFirst(container: string): Promise<Leave> {
    if (this.#isFreeFor(container)) return this.#hold(container)
    return new Promise((take) => this.#waiting.unshift({ container, take }))
  }

  #isFreeFor(container: string): boolean {
    return this.#held < this.#atOnce && (this.#heldBy.get(container) ?? 0) < this.#eachAtOnce
  }

  #hold(container: string): Leave {
    this.#held += 1
    this.#heldBy.set(container, (this.#heldBy.get(container) ?? 0) + 1)
    return () => {
      this.#held -= 1
      const left = (this.#heldBy.get(container) ?? 0) - 1
      if (left > 0) this.#heldBy.set(container, left)
      else this.#heldBy.delete(container)
      this.#handOn()
    }
  }

  // A place that becomes free is handed on at once, so that no newcomer takes it first.
  #handOn(): void {
    const at = this.#waiting.findIndex(({ container }) => this.#isFreeFor(container))
    const [next] = at < 0 ? [] : this.#waiting.splice(at, 1)
    next?.take(this.#hold(next.container))
  }
}
