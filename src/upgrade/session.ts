import { UpgradeError } from '../errors/upgrade-error.ts'
import { type Change, change } from '../machine/change.ts'
import { certificateHashes, type Located } from '../machine/locate.ts'
import type { Observation, Section } from '../machine/observation.ts'
import { observe } from '../machine/observe.ts'
import { type AttemptRecord, lineOf, recordIn, revised } from './attempt.ts'
import type { MemberObserver, Members } from './members.ts'
import type { NodeImages, Pull } from './node-image-pulls.ts'
import type { Needs, NodeImage } from './step.ts'

/**
 * The record is no longer the one that a decision was based on, such as after a change by another replica. The caller
 * starts over.
 */
export class RecordMoved extends Error {}

/**
 * What this process knows of one machine: the last observation and its record. Every observation checks the owner of
 * the machine, and every change names the record that it is based on.
 */
export class Session {
  readonly located: Located
  readonly #pins: readonly string[]
  readonly #observer: MemberObserver
  // Undefined before the first observation, and after `forget` or a change. It can have megabytes, so it is not kept
  // during pauses.
  #observation: Observation | undefined
  #record: AttemptRecord | undefined
  // The scope of the observation.
  #covered: { sections: Set<Section>; api: Set<string> } = { sections: new Set(), api: new Set() }
  #members: Members = []
  readonly #images: NodeImages
  #nodeImage: NodeImage | undefined
  #pull: Pull | undefined

  /** `pins`: the hashes of the cluster's CA in the request; empty where it has none. */
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

  /** The last observation. Throws an Error when it was discarded. */
  get observation(): Observation {
    if (!this.#observation) throw new Error('the machine was not observed since the last change')
    return this.#observation
  }

  /** The other control plane machines, if the last needs included them. */
  get members(): Members {
    return this.#members
  }

  /** The target's node image, if the last needs included it. */
  get nodeImage(): NodeImage | undefined {
    return this.#nodeImage
  }

  /** The record of the last observation. */
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
   * Observes what the needs require and is not known yet, with one exec at most. `image`: the target's node image.
   * Throws CONTAINER_CA, CONTAINER_OF_OTHER_CLUSTER and RECORD_NEWER, and the errors of `observe`.
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

  /** Discards the observation, because time passes. The record is kept. */
  forget(): void {
    this.#observation = undefined
    this.#nodeImage = undefined
  }

  /** Joins the pull of an image, which starts it if necessary. */
  awaitPull(image: string): void {
    this.#pull = this.#images.join(image)
  }

  /**
   * Makes a change and writes the record with the next revision. Returns the output of the script. Throws RecordMoved
   * when the record in the machine has changed, UNIT_AT_WORK when a unit of this service is running, and the errors of
   * `change`.
   */
  async change(record: AttemptRecord, wanted: Change): Promise<string> {
    const seen = this.observation.recordDigest
    this.forget()
    const result = await change(this.located.machine, { seen, record: lineOf(revised(record)) }, wanted)
    if (result.kind === 'made') return result.output
    throw result.kind === 'busy' ? new UpgradeError('UNIT_AT_WORK') : new RecordMoved()
  }

  // A request without a CA could come from another cluster of the same name, so it is refused once a request had one.
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
