import { isDeepStrictEqual } from 'node:util'
import { type AttemptRecord, pauseAfter, recordIn } from '../../../src/upgrade/attempt.ts'
import { imageIn, type SimulatedMachine } from '../../fake-docker/machine.ts'
import { Units } from '../../fake-docker/units.ts'
import { recordFile, state } from '../walk.ts'
import { runs } from './health.ts'

/** The units that change a machine: neither may run twice in one attempt without a reason that was noted. */
const changing = ['prepare', 'exchange', 'kubeadm', 'kubelet']
// src/upgrade/stance.ts has this number; a test that read it there would follow a mistake in it.
const droppedAfterSeconds = 150

/** Watches what is done to one machine, past the service's own account of it. */
export class Watch {
  /** What must never happen and has. */
  readonly violations: string[] = []
  readonly #machine: SimulatedMachine
  // True once the attempt in the record has changed more than our own directory and the image store.
  #isTouched = false
  // Changing units that were started in the attempt, and have no reason to start again.
  readonly #started = new Set<string>()
  // What the attempt before this one ended with, and when it was replaced.
  #replaced: { code: string; seconds: number } | undefined

  constructor(machine: SimulatedMachine) {
    this.#machine = machine
  }

  /** The record as it stands in the machine. */
  get record(): AttemptRecord | undefined {
    return recordIn({ record: this.#machine.files.get(recordFile) ?? '' })
  }

  /** Seconds since the world began. */
  get seconds(): number {
    return this.#machine.uptime - 3600
  }

  /** True where the record has this failure, or had it a moment ago: an answer stands for ten seconds. */
  hasFailedBy(code: string): boolean {
    if (this.record?.failure?.code === code) return true
    return this.#replaced?.code === code && this.seconds - this.#replaced.seconds <= 15
  }

  violated(what: string): void {
    this.violations.push(`${this.seconds} s, ${this.#machine.name}: ${what}`)
  }

  /** A changing unit may start again: its runs were lost, or their failure stands in the record. */
  excuse(): void {
    this.#started.clear()
  }

  /** The record was lost, by no fault of the service: the next attempt is another one. */
  lost(): void {
    this.excuse()
    this.#isTouched = false
  }

  touched(): void {
    this.#isTouched = true
  }

  unitStarted(script: string): void {
    const { role, manifests } = this.#machine
    this.#checkTogether()
    if (!changing.includes(script)) return
    this.#isTouched = true
    if (this.#started.has(script)) this.violated(`${script} starts again in the same attempt`)
    this.#started.add(script)
    const target = this.record?.request.target
    const isEarly = role === 'control-plane' && !imageIn(manifests['kube-apiserver'] ?? '').endsWith(`:${target}`)
    if (script === 'kubelet' && isEarly) this.violated('the kubelet is changed before the static pods are')
  }

  // While the images are loaded, the exchange is prepared. No other two units run at the same time.
  #checkTogether(): void {
    const running = this.#running().map((name) => name.replace('capd-kubeadm-upgrader-', ''))
    const others = running.filter((script) => script !== 'images')
    const isAlone = others.length === running.length
    const isAllowed =
      others.length <= 1 && (isAlone || others.every((script) => ['render', 'prepare'].includes(script)))
    if (!isAllowed) this.violated(`two units run: ${running.join(', ')}`)
  }

  /** A unit is stopped and forgotten. */
  unitForgotten(name: string): void {
    const isChanging = changing.some((script) => name.endsWith(`-${script}`))
    if (isChanging && this.#running().includes(name)) this.violated(`${name} is ended while it runs`)
  }

  /** change.sh has written another record, or the same in another revision, as when lost work is staged again. */
  recordWritten(kind: string, before: AttemptRecord | undefined): void {
    const after = this.record
    if (!after) {
      this.violated(`${kind} has written a record that cannot be read`)
      return
    }
    if (before && isDeepStrictEqual({ ...after, revision: before.revision }, before)) return
    if (kind === 'begin') this.#begins(before, after)
    else if (before?.request.key !== after.request.key) this.violated(`${kind} has put another request into the record`)
    const isFailing = after.state === 'failed' && before?.state !== 'failed'
    if (isFailing || retriesIn(after) > retriesIn(before)) this.excuse()
    if (after.state === 'done' && before?.state === 'open') this.#ends(after)
  }

  // Also while a test lets change.sh see none.
  #running(): string[] {
    return Reflect.get(Units.prototype, 'running', this.#machine.units)
  }

  #begins(before: AttemptRecord | undefined, after: AttemptRecord): void {
    if (before) this.#checkBegin(before, after)
    if (before?.failure) this.#replaced = { code: before.failure.code, seconds: this.seconds }
    this.#isTouched = false
    this.#started.clear()
  }

  #checkBegin(before: AttemptRecord, after: AttemptRecord): void {
    const isSame = before.request.key === after.request.key
    const isChanged = before.changed || this.#isTouched
    if (before.state === 'open' && isChanged) {
      this.violated(`${before.request.key}, which has changed the machine, gives way to ${after.request.key}`)
    }
    if (before.state === 'open' && isSame && after.state === 'open') this.violated('an open attempt begins again')
    const since = this.#machine.uptime - before.requested.uptime
    const isSuperseded = before.state === 'open' && before.superseded.includes(after.request.key)
    if (isSuperseded && since < droppedAfterSeconds) this.violated(`${after.request.key} comes back by itself`)
    if (before.state === 'failed' && isSame) this.#checkPause(before)
  }

  #checkPause({ failure }: AttemptRecord): void {
    if (!failure) return
    const seconds = this.#machine.uptime - failure.at.uptime
    if (seconds < pauseAfter(failure)) this.violated(`an attempt that failed begins again after ${seconds} s`)
  }

  #ends({ request }: AttemptRecord): void {
    if (!runs(this.#machine, request.target)) this.violated(`the record is done, and ${request.target} does not run`)
    const left = leftOn(this.#machine)
    if (left.length > 0) this.violated(`the record is done, and there is still ${left.join(', ')}`)
  }
}

/** What an attempt leaves only while it goes on. */
export function leftOn({ units, files }: SimulatedMachine): string[] {
  const ours = [
    `${state}/work`,
    `${state}/leftovers`,
    `${state}/drained`,
    '/etc/kubernetes/tmp/kubeadm-backup-etcd-',
    '/etc/kubernetes/tmp/capd-kubeadm-upgrader/',
    '/usr/bin/.',
  ]
  const below = [...files.keys()].filter((path) => ours.some((start) => path.startsWith(start)))
  return [...units.names, ...below]
}

function retriesIn(record: AttemptRecord | undefined): number {
  return Object.values(record?.retries ?? {}).reduce((sum, times) => sum + times, 0)
}
