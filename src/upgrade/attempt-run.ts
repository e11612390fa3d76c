import { type AttemptRecord, begun, finished } from './attempt.ts'
import type { Demand } from './demand.ts'
import { nodeImageOf } from './node-image.ts'
import { endableUnits, goalIn, isLastStep, isNothingLeft, isPastChanges, leftOf, neededOf, planFor } from './plan.ts'
import { wayBackIn } from './rest-after-failure.ts'
import { RecordMoved, type Session } from './session.ts'
import { type Goal, type Needs, type Situation, type Step, unitNameOf } from './step.ts'
import { StepRun, type Watch } from './step-run.ts'
import type { Tools } from './tools.ts'

// What the next attempt's work directory begins with depends on these.
const workNeeds: Needs = { sections: ['kubelet', 'work'] }

/** What an attempt runs in. */
export interface AttemptRunParts {
  session: Session
  /** What the attempt brings the machine to. Its settings may change meanwhile. */
  goal: () => Goal
  tools: Tools
  demand: Demand
  /** By step; they outlive the run. */
  watches: Map<string, Watch>
  /** The beginning of each message. */
  prefix: string
  tell(step: Step, message: string): void
  /** Called each time a step goes on to wait: the machine could be observed and its record written. */
  goesOn(): void
}

/** Takes the attempt of one goal through what is left of the plan, and begins it where it is not under way. */
export class AttemptRun {
  readonly #parts: AttemptRunParts
  // As it was when what is left was decided.
  #isPastChanges = false

  constructor(parts: AttemptRunParts) {
    this.#parts = parts
  }

  /**
   * Returns when the machine is at the goal, and the record has its end. `replaces`: another attempt has to be ended even
   * where nothing is left to do. Throws what a step throws, and RecordMoved where everything has to be decided again.
   */
  async toEnd({ replaces = false } = {}): Promise<void> {
    const { session } = this.#parts
    const { recordDigest } = session.observation
    const known = { know: (needs: Needs) => this.#know(needs), situation: () => this.#situation() }
    const plan = neededOf(this.#plan(), this.#situation())
    const left = await leftOf(plan, known)
    this.#isPastChanges = isPastChanges(this.#situation())
    const failed = await this.#failedIn(left)
    if (!this.#isUnderWay()) {
      if (!replaces && (await isNothingLeft(left, known))) return
      await session.know(workNeeds)
      // What was decided holds for the record that it was decided by.
      if (session.observation.recordDigest !== recordDigest) throw new RecordMoved()
      await this.#begin()
    } else if (session.observation.work.key !== this.#key() && left.some(({ needsWork }) => needsWork)) {
      await this.#renewWork()
    }
    // The number of a step stays the same as long as its attempt.
    const counted = this.#isPastChanges ? plan : left
    for (const step of [...failed, ...left]) {
      await this.#take(step, `step ${counted.indexOf(step) + 1} of ${counted.length}, ${step.doing}`)
    }
    await this.#noteEnd()
  }

  async #take(step: Step, title: string): Promise<void> {
    const { session, tools, demand, watches, prefix, tell, goesOn } = this.#parts
    const run = new StepRun(step, {
      session,
      key: this.#key(),
      situation: () => this.#situation(),
      know: (needs) => this.#know(needs),
      tools,
      watch: this.#watchOf(step),
      title: `${prefix}${title}`,
      tell: (message) => tell(step, message),
      beforeChange: (record) => demand.noted(record, session.observation),
      look: () => this.#lookAround(step),
      goesOn,
    })
    await run.toEnd()
    watches.delete(step.name)
  }

  // The step whose unit has failed while no process looked: it may have undone what the steps before it are to do.
  async #failedIn(left: readonly Step[]): Promise<Step[]> {
    const { session } = this.#parts
    if (!this.#isUnderWay()) return []
    await session.know({ sections: ['units'] })
    const current = left.filter(({ name }) => name === session.record?.step?.name)
    return current.filter((step) =>
      session.observation.units.some(({ name, state }) => name === unitNameOf(step) && state === 'failed'),
    )
  }

  #plan(): Step[] {
    const { tools } = this.#parts
    return (tools.plan ?? planFor)({ ...this.#planned(), settings: this.#parts.goal().settings })
  }

  #planned() {
    const { session, tools } = this.#parts
    return { machine: session.located.machine, sources: tools.sources }
  }

  #key(): string {
    return this.#parts.goal().key
  }

  #isUnderWay(): boolean {
    const { record } = this.#parts.session
    return record?.state === 'open' && record.request.key === this.#key()
  }

  #know(needs: Needs): Promise<void> {
    const { session, tools, goal } = this.#parts
    return session.know(needs, nodeImageOf({ sources: tools.sources, target: goal().target }))
  }

  #situation(): Situation {
    const { session, goal, tools } = this.#parts
    const { located, observation, members, nodeImage, record } = session
    const { target, files, patches, pods, key, settings } = goal()
    return {
      target,
      files,
      patches,
      pods,
      key,
      settings,
      machine: located.machine,
      varVolume: located.varVolume,
      observation,
      members,
      sources: tools.sources,
      nodeImage,
      record,
    }
  }

  #watchOf({ name }: Step): Watch {
    const { watches, tools } = this.#parts
    const watch = watches.get(name) ?? { since: tools.clock.monotonic(), trouble: undefined, isOfUnit: false }
    watches.set(name, watch)
    return watch
  }

  async #begin(): Promise<void> {
    const { session, goal, tools, watches } = this.#parts
    const { key, target, settings, patches } = goal()
    const { cluster, role } = session.located.machine
    const { record } = session
    const pinned = session.isPinned || record?.identity.pinned === true
    const next = begun(
      {
        identity: { cluster, role, cas: session.caHashes, pinned },
        request: { key, target, settings: { ...settings }, ...(patches === undefined ? {} : { patches }) },
      },
      record,
      session.observation,
    )
    // A machine that another attempt has left half way is changed already: this attempt is brought to its end.
    const changed = wayBackIn(session.observation).length > 0
    // Another attempt has its own time for each step.
    watches.clear()
    tools.log.info({ replaced: record?.state === 'open' }, 'an attempt begins')
    await this.#takeWorkDirectory({ ...next, changed })
  }

  // The work directory of an open attempt is gone, or another's: whoever removed it, the attempt starts staging again.
  async #renewWork(): Promise<void> {
    const { session, tools } = this.#parts
    await session.know(workNeeds)
    if (!session.record || !this.#isUnderWay()) throw new RecordMoved()
    tools.log.warn('the work directory of the attempt is gone: what was staged is staged again')
    await this.#takeWorkDirectory(session.record)
  }

  async #takeWorkDirectory(record: AttemptRecord): Promise<void> {
    const { session } = this.#parts
    const endable = endableUnits(this.#planned())
    const { observation } = session
    const kept = wayBackIn(observation)
    // A unit of a lost attempt may have put another kubelet in place meanwhile, whose way back would not be kept.
    const kubelet = kept.length === 0 ? { kubelet: observation.kubelet.invocationId } : {}
    // A unit of a lost attempt may have left its way back since then, too.
    const { entries } = observation.work
    await session.change(record, { kind: 'begin', key: this.#key(), endable, entries, kept, ...kubelet })
  }

  // The machine may have been restarted since its goal was reached, also between this look and the note.
  async #noteEnd(): Promise<void> {
    const { session, tools } = this.#parts
    const goal = goalIn(this.#plan(), this.#parts.goal().settings)
    const { recordDigest } = session.observation
    await session.know(goal?.needs ?? { sections: [] })
    const { record, observation } = session
    if (!record || !this.#isUnderWay()) return
    // Another process may have begun to stage again what the last step has removed.
    if (observation.recordDigest !== recordDigest) throw new RecordMoved()
    if (goal && goal.done(this.#situation()) !== 'done') throw new RecordMoved()
    const kubelet = goal ? { kubelet: observation.kubelet.invocationId } : {}
    await session.change(finished(record, observation), { kind: 'note', ...kubelet })
    tools.report?.upgradeEnded('done', '')
  }

  // Before each look of a step: is the attempt still this goal's, is the request still made, and is it this step's turn?
  // Another process that has come to the last steps tidies up, and what is staged again would be left.
  async #lookAround(step: Step): Promise<void> {
    const { session, demand } = this.#parts
    const { record, observation } = session
    if (!record || !this.#isUnderWay() || demand.isAbandoned(record)) throw new RecordMoved()
    // The work directory is another attempt's, or gone: it is begun again.
    if (step.needsWork && observation.work.key !== this.#key()) throw new RecordMoved()
    const isOvertaken = isPastChanges(this.#situation()) && !this.#isPastChanges
    if (isOvertaken && !isLastStep(step.name)) throw new RecordMoved()
    if (demand.owns(record)) demand.hasPlace()
    if (!demand.isNoteDue(record, observation)) return
    await session.change(demand.noted(record, observation), { kind: 'note' })
  }
}
