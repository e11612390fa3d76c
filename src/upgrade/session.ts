import { UpgradeError } from '../errors/upgrade-error.ts'
import { type Change, change } from '../machine/change.ts'
import { certificateHashes, type Located } from '../machine/locate.ts'
import type { Observation, Section } from '../machine/observation.ts'
import { observe } from '../machine/observe.ts'
import { type AttemptRecord, lineOf, recordIn, revised } from './attempt.ts'
import type { MemberObserver, Members } from './members.ts'
import type { NodeImages, Pull } from './node-images.ts'
import type { Needs, NodeImage } from './step.ts'

/** The machine is not what was decided by, such as after another replica's or request's change: all is decided again. */
export class RecordMoved extends Error {}

/**
 * What this process knows of one machine at this moment: the last observation and the record in it. Every observation
 * checks whose machine it is, and every change names the record that it was decided by.
 */
export class Session {
  readonly located: Located
  readonly #pins: readonly string[]
  readonly #observer: MemberObserver
  // Undefined also when time has passed, or something was changed, since it was made. It can have megabytes, and a walk
  // spends most of its time between two looks.
  #observation: Observation | undefined
  #record: AttemptRecord | undefined
  // What the observation covers.
  #covered: { sections: Set<Section>; api: Set<string> } = { sections: new Set(), api: new Set() }
  #members: Members = []
  readonly #images: NodeImages
  #nodeImage: NodeImage | undefined
  #pull: Pull | undefined

  /** `pins`: hashes of the cluster CA that the request names; empty where it names none. */
  constructor(
    located: Located,
    pins: readonly string[],
    { members, images }: { members: MemberObserver; images: NodeImages },
  ) {
    this.located = located
    this.#pins = pins
    this.#observer = members
    this.#images = images
  }

  /** The last observation. Throws an Error when it does not hold any more. */
  get observation(): Observation {
    if (!this.#observation) throw new Error('the machine was not observed since the last change')
    return this.#observation
  }

  /** The other control plane machines, as the last needs had them observed. */
  get members(): Members {
    return this.#members
  }

  /** The target's node image, as the last needs had it looked for. */
  get nodeImage(): NodeImage | undefined {
    return this.#nodeImage
  }

  /** The record as the last observation, or the last change, has it. */
  get record(): AttemptRecord | undefined {
    return this.#record
  }

  /** The kubeadm hashes of the cluster CAs in the machine; empty where it has none. */
  get caHashes(): string[] {
    return certificateHashes(this.observation.ca)
  }

  /** True when this request named the cluster's CA. */
  get isPinned(): boolean {
    return this.#pins.length > 0
  }

  /**
   * Makes sure that what a step needs to know is known, with one exec at most. `image`: the target's node image. Throws
   * CONTAINER_CA and RECORD_NEWER.
   */
  async know({ sections, api, membersWithinSeconds, nodeImage }: Needs, image = ''): Promise<void> {
    const { machine } = this.located
    const paths = api?.(machine) ?? []
    const isKnown =
      this.#observation !== undefined &&
      sections.every((section) => this.#covered.sections.has(section)) &&
      paths.every((path) => this.#covered.api.has(path))
    if (!isKnown) {
      this.#observation = await observe(machine, { sections, api: paths })
      this.#record = recordIn(this.#observation)
      this.#covered = { sections: new Set(sections), api: new Set(paths) }
      this.#checkOwner()
    }
    if (nodeImage && image !== '' && this.#nodeImage === undefined) {
      this.#nodeImage = { reference: await this.#images.find(image), pull: stateOf(this.#pull) }
    }
    if (membersWithinSeconds === undefined) this.#members = []
    else this.#members = await this.#observer.observe(machine, this.caHashes, membersWithinSeconds)
  }

  /** Time has passed: what is known does not hold any more, except the record. */
  forget(): void {
    this.#observation = undefined
    this.#nodeImage = undefined
  }

  /** Waits for the image from now on: its pull is begun, unless this process has begun it already. */
  awaitPull(image: string): void {
    this.#pull = this.#images.join(image)
  }

  /**
   * Makes a change, and writes the record in its next revision. Gives what its script printed. Throws RecordMoved where
   * the record in the machine is another one by now, and UNIT_AT_WORK where a unit of ours is at work.
   */
  async change(record: AttemptRecord, wanted: Change): Promise<string> {
    const seen = this.observation.recordDigest
    this.forget()
    const result = await change(this.located.machine, { seen, record: lineOf(revised(record)) }, wanted)
    if (result.kind === 'made') return result.output
    throw result.kind === 'busy' ? new UpgradeError('UNIT_AT_WORK') : new RecordMoved()
  }

  // A caller that names no CA could be any cluster of that name; where one that does was seen before, it is refused.
  #checkOwner(): void {
    const { name, cluster } = this.located.machine
    const pins = new Set(this.#pins.map((pin) => pin.toLowerCase()))
    const isPinnedMachine = this.record?.identity.pinned === true
    const isOther = pins.size > 0 ? !this.caHashes.some((hash) => pins.has(hash)) : isPinnedMachine
    if (isOther) throw new UpgradeError('CONTAINER_CA', { name })
    const remembered = this.record?.identity.cluster
    if (remembered !== undefined && remembered !== cluster) {
      throw new UpgradeError('CONTAINER_OF_OTHER_CLUSTER', { name, cluster })
    }
  }
}

function stateOf(pull: Pull | undefined): NodeImage['pull'] {
  if (pull === undefined) return undefined
  const { progress, end } = pull
  return { bytes: progress?.bytes, isUnpacking: progress?.isUnpacking === true, error: end?.error }
}
