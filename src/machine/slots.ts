import { UpgradeError } from '../errors/upgrade-error.ts'

/** The most callers that wait for a slot. */
export const waitingLimit = 500

/** Releases a slot. */
export type ReleaseSlot = () => void

interface Waiting {
  container: string
  grant: (release: ReleaseSlot) => void
}

/**
 * A limited number of slots, of which one container may hold only a few. Callers wait first come, first served. A
 * caller whose container already holds its share is skipped until the container releases a slot.
 */
export class Slots {
  readonly #atOnce: number
  readonly #eachAtOnce: number
  readonly #waiting: Waiting[] = []
  readonly #heldBy = new Map<string, number>()
  #held = 0

  constructor(atOnce: number, eachAtOnce: number) {
    this.#atOnce = atOnce
    this.#eachAtOnce = eachAtOnce
  }

  /** Resolves when the caller holds a slot. Throws ENGINE_BUSY when more than 500 wait. */
  async acquire(container: string): Promise<ReleaseSlot> {
    if (this.#isFreeFor(container)) return this.#hold(container)
    if (this.#waiting.length >= waitingLimit) throw new UpgradeError('ENGINE_BUSY')
    return new Promise((grant) => this.#waiting.push({ container, grant }))
  }

  /** Acquires a slot ahead of all waiting callers, however many there are. */
  async acquireFirst(container: string): Promise<ReleaseSlot> {
    if (this.#isFreeFor(container)) return this.#hold(container)
    return new Promise((grant) => this.#waiting.unshift({ container, grant }))
  }

  #isFreeFor(container: string): boolean {
    return this.#held < this.#atOnce && (this.#heldBy.get(container) ?? 0) < this.#eachAtOnce
  }

  #hold(container: string): ReleaseSlot {
    this.#held += 1
    this.#heldBy.set(container, (this.#heldBy.get(container) ?? 0) + 1)
    return () => {
      this.#held -= 1
      const left = (this.#heldBy.get(container) ?? 0) - 1
      if (left > 0) this.#heldBy.set(container, left)
      else this.#heldBy.delete(container)
      this.#grantNext()
    }
  }

  // A slot that becomes free is granted at once, so that a newcomer cannot take it.
  #grantNext(): void {
    const at = this.#waiting.findIndex(({ container }) => this.#isFreeFor(container))
    const [next] = at < 0 ? [] : this.#waiting.splice(at, 1)
    next?.grant(this.#hold(next.container))
  }
}
