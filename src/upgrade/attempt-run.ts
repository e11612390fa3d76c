import { type AttemptRecord, begun, finished } from './attempt.ts'
import type { Demand } from './demand.ts'
import { nodeImageOf } from './node-image-helper.ts'
import {
  endableUnits,
  goalIn,
  isLastStep,
  isNothingLeft,
  isPastChanges,
  leftOf,
  neededOf,
  planFor,
  renewedEntries,
} from './plan.ts'
import { wayBackIn } from './rest-after-failure.ts'
import { RecordMoved, type Session } from './session.ts'
import { type Goal, type Needs, type Situation, type Step, unitNameOf } from './step.ts'
import type { StepMemory } from './step-memory.ts'
import { StepRun } from './step-run.ts'
import type { Tools } from './tools.ts'

// The initial content of an attempt's work directory depends on these sections.
const workNeeds: Needs = { sections: ['kubelet', 'work'] }

/** What an attempt needs to run. */
export interface AttemptRunParts {
  session: Session
  /** Returns the goal of the attempt. Only its settings may change between calls. */
  goal: () => Goal
  tools: Tools
  demand: Demand
  /** What this process remembers of steps, by name. It outlives the run. */
  memories: Map<string, StepMemory>
  /** The beginning of each message. */
  prefix: string
  /** Reports the progress of a step. */
  report(step: Step, message: string): void
  /** Called before each pause of a step: the machine could be observed and its record written. */
  onPause(): void
}

/** Runs the attempt of one goal: begins it if necessary, and runs the remaining steps of the plan. */
export class AttemptRun {
  readonly #parts: AttemptRunParts
  // Evaluated together with the list of remaining steps.
  #isPastChanges = false

  constructor(parts: AttemptRunParts) {
    this.#parts = parts
  }

  /**
   * Resolves when the machine has reached the goal and the record has the end of the attempt. `replaces`: true ends
   * another attempt even if no step is left. Throws the errors of `StepRun.toEnd`, and RecordMoved when the caller has
   * to start over.
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
      // The list of remaining steps is valid only for the record it was made from.
      if (session.observation.recordDigest !== recordDigest) throw new RecordMoved()
      await this.#begin()
    } else if (session.observation.work.key !== this.#key() && left.some(({ needsWork }) => needsWork)) {
      await this.#renewWork()
    }
    // The number of a step in messages does not change during an attempt.
    const counted = this.#isPastChanges ? plan : left
    for (const step of [...failed, ...left]) {
      await this.#runStep(step, `step ${counted.indexOf(step) + 1} of ${counted.length}, ${step.doing}`)
    }
    await this.#noteEnd()
  }

  async #runStep(step: Step, title: string): Promise<void> {
    const { session, tools, demand, memories, prefix, report, onPause } = this.#parts
    const run = new StepRun(step, {
      session,
      key: this.#key(),
      situation: () => this.#situation(),
      know: (needs) => this.#know(needs),
      tools,
      memory: this.#memoryOf(step),
      title: `${prefix}${title}`,
      report: (message) => report(step, message),
      beforeChange: (record) => demand.noted(record, session.observation),
      checkTurn: () => this.#checkTurn(step),
      onPause,
    })
    await run.toEnd()
    memories.delete(step.name)
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
    const { target, pods } = goal()
    // The processes of the static pods are compared with nothing but settings. They cost processor time in the machine.
    const sections = needs.sections.filter((section) => section !== 'processes' || pods !== undefined)
    return session.know({ ...needs, sections }, nodeImageOf({ sources: tools.sources, target }))
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

  #memoryOf({ name }: Step): StepMemory {
    const { memories, tools } = this.#parts
    const memory = memories.get(name) ?? { since: tools.clock.monotonic(), trouble: undefined, isOfUnit: false }
    memories.set(name, memory)
    return memory
  }

  async #begin(): Promise<void> {
    const { session, goal, tools, memories } = this.#parts
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
    // An earlier attempt has left the machine partially changed, so this attempt must be completed, too.
    const changed = wayBackIn(session.observation).length > 0
    // The time limits of steps start over with a new attempt.
    memories.clear()
    tools.log.info({ replaced: record?.state === 'open' }, 'starting an attempt')
    await this.#prepareWorkDirectory({ ...next, changed })
  }

  // The work directory of the open attempt is missing or belongs to another attempt, so everything is staged again.
  async #renewWork(): Promise<void> {
    const { session, tools } = this.#parts
    await session.know(workNeeds)
    if (!session.record || !this.#isUnderWay()) throw new RecordMoved()
    tools.log.warn('the work directory of the attempt is missing: staging starts over')
    await this.#prepareWorkDirectory(session.record)
  }

  async #prepareWorkDirectory(record: AttemptRecord): Promise<void> {
    const { session } = this.#parts
    const endable = endableUnits(this.#planned())
    const { observation } = session
    const kept = wayBackIn(observation)
    const renewed = renewedEntries()
    // A unit of a lost attempt may have replaced the kubelet since the observation. Its rollback would not be kept.
    const kubelet = kept.length === 0 ? { kubelet: observation.kubelet.invocationId } : {}
    // It may also have added entries that the rollback needs.
    const { entries } = observation.work
    await session.change(record, { kind: 'begin', key: this.#key(), endable, entries, kept, renewed, ...kubelet })
  }

  // Checks the goal once more: the machine may have been restarted since. The invocation id of the kubelet guards the
  // time between the observation and the change.
  async #noteEnd(): Promise<void> {
    const { session, tools } = this.#parts
    const goal = goalIn(this.#plan(), this.#parts.goal().settings)
    const { recordDigest } = session.observation
    await session.know(goal?.needs ?? { sections: [] })
    const { record, observation } = session
    if (!record || !this.#isUnderWay()) return
    // Another process may have started to stage again what the last step removed.
    if (observation.recordDigest !== recordDigest) throw new RecordMoved()
    if (goal && goal.done(this.#situation()) !== 'done') throw new RecordMoved()
    const kubelet = goal ? { kubelet: observation.kubelet.invocationId } : {}
    await session.change(finished(record, observation), { kind: 'note', ...kubelet })
    tools.report?.upgradeEnded('done', '')
  }

  // Throws RecordMoved when the attempt is no longer this goal's, the request is no longer made, or another process has
  // reached the last steps: it removes staged files, and what an earlier step staged again would be left behind.
  async #checkTurn(step: Step): Promise<void> {
    const { session, demand } = this.#parts
    const { record, observation } = session
    if (!record || !this.#isUnderWay() || demand.isAbandoned(record)) throw new RecordMoved()
    // The work directory is missing or belongs to another attempt.
    if (step.needsWork && observation.work.key !== this.#key()) throw new RecordMoved()
    const isOvertaken = isPastChanges(this.#situation()) && !this.#isPastChanges
    if (isOvertaken && !isLastStep(step.name)) throw new RecordMoved()
    if (demand.owns(record)) demand.hasPlace()
    if (!demand.isNoteDue(record, observation)) return
    await session.change(demand.noted(record, observation), { kind: 'note' })
  }
}
