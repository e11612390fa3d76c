import type { Settings } from '../../../src/contract/settings.ts'
import { UpgradeError } from '../../../src/errors/upgrade-error.ts'
import type { Engine, ExecOptions, ExecResult } from '../../../src/machine/engine.ts'
import type { Progress } from '../../../src/upgrade/progress.ts'
import type { Sources } from '../../../src/upgrade/step.ts'
import type { SimulatedCluster } from '../../fake-docker/cluster.ts'
import { inProcess } from '../../fake-docker/in-process.ts'
import { createWorld } from '../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { nodeImage } from '../../fake-docker/node-image.ts'
import { digestOf, imagesOf, old, staticPodsOf, target } from '../../fake-docker/release.ts'
import { recordFile, state } from '../walk.ts'
import { checkAnswer, checkFailure } from './answers.ts'
import { Caller } from './callers.ts'
import { EventClock, settled } from './event-clock.ts'
import { Faults } from './faults.ts'
import { runs } from './health.ts'
import type { Interceptor } from './interceptor.ts'
import { startMachine, stopMachine } from './machine-faults.ts'
import type { Mutation } from './mutation.ts'
import { Replica } from './replica.ts'
import { Watch } from './watch.ts'
import { wireMachine, wireUnits } from './wiring.ts'
import { flagOf, isThere, nameOf, type Wish, wishesAt } from './wish.ts'

/** A patch of the target's minor. */
export const patch = 'v1.35.5'

export interface Kind {
  role: 'control-plane' | 'worker'
  images: Sources['images']
  /** From where the programs come. A download where it is not given. */
  binaries?: Sources['binaries']
  /** How a control plane machine's static pods are exchanged. One by one where it is not given. */
  exchange?: Settings['exchange']
  /** By replica: the seconds that its commands take, one after the other, again and again. None: no time. */
  delays?: readonly (readonly number[])[]
}

class Cut extends Error {}

/** Two replicas, a machine, and all that may happen to them. */
export class ModelWorld {
  readonly kind: Kind
  readonly mutation: Mutation
  readonly clock = new EventClock()
  readonly faults = new Faults(this.clock)
  readonly machine: SimulatedMachine
  readonly watch: Watch
  readonly base: Engine
  readonly sources: Sources
  readonly replicas: Replica[]
  readonly callers: Caller[]
  /** Versions that were ever requested. */
  readonly requested = new Set<string>([old])
  /** What was last requested. */
  wish: Wish = { version: target, file: 'no file' }
  /** When a look at the machine last found the wish fulfilled, by its name; monotonic milliseconds. */
  readonly fulfilled = new Map<string, number>()
  interceptor: Interceptor | undefined
  /** What has happened, each line with its second, for messages. */
  readonly story: string[] = []
  readonly #fake
  #isNodeHeld = false
  readonly cluster: SimulatedCluster

  constructor(kind: Kind, mutation: Mutation = {}) {
    this.kind = kind
    this.mutation = mutation
    const subject = kind.role === 'worker' ? 'w-1' : 'cp-1'
    const { fake, cluster } = createWorld(kind.role === 'worker' ? ['cp-1', 'w-1'] : ['cp-1', 'cp-2'], this.clock)
    this.#fake = fake
    this.cluster = cluster
    this.base = inProcess(fake)
    const { images, binaries = 'download' } = kind
    this.sources = {
      binaries,
      binariesUrl: 'http://files',
      nodeImage: 'kindest/node:{version}',
      nodeImagePull: 'allow',
      images,
    }
    for (const version of [target, patch])
      fake.helpers.images.set(`kindest/node:${version}`, nodeImage(this.clock, version))
    // A cluster without a CA in its machines: certificates take longer to read than all the rest.
    for (const machine of cluster.machines) machine.ca = ''
    this.machine = fake.container(subject).machine as SimulatedMachine
    this.watch = new Watch(this.machine)
    wireMachine(this)
    wireUnits(this)
    this.replicas = [new Replica(this, 0), new Replica(this, 1)]
    this.callers = [new Caller(this), new Caller(this)]
  }

  /** What has gone wrong in the world, for a message; empty while nothing has. */
  get violations(): string[] {
    return [...this.watch.violations, ...this.cluster.machines.flatMap(({ unknown }) => unknown)]
  }

  /** Time passes, until something is wrong. */
  async pass(seconds: number, isOver = () => false): Promise<void> {
    await this.clock.run(seconds, () => this.watch.violations.length > 0 || isOver())
  }

  /** Throws where something is wrong. */
  async check(): Promise<void> {
    await settled()
    const [first] = this.violations
    if (first !== undefined) throw new Error([first, ...this.story].join('\n'))
  }

  tell(what: string): void {
    this.story.push(`${this.watch.seconds} s: ${what}`)
  }

  /** As Cluster API and the owner of the cluster do it: the rest of the cluster is where the wish needs it. */
  request(caller: number, asked: Wish, route: 0 | 1 | 'both'): void {
    // An argument that is removed again is not updated in place.
    const { argument = this.wish.argument } = asked
    const wish = { ...asked, ...(argument && { argument }) }
    this.wish = wish
    this.requested.add(wish.version)
    this.#raise(wish.version)
    if (argument) this.cluster.podArguments.set('kube-apiserver', [flagOf(argument)])
    this.callers[caller]?.request(wish, route)
  }

  /** A process is killed, and another one comes after so many seconds. */
  crash(index: number, downSeconds: number): void {
    if (!this.replicas[index]?.isAlive) return
    this.replicas[index].kill()
    const next = () => {
      if (!this.replicas[index]?.isAlive) this.replicas[index] = new Replica(this, index)
    }
    if (downSeconds === 0) next()
    else this.clock.after(downSeconds, next)
  }

  restartContainer(downSeconds: number): void {
    const container = this.#fake.container(this.machine.name)
    if (!container.running) return
    stopMachine(this.machine)
    this.watch.excuse()
    container.running = false
    this.clock.after(downSeconds, () => {
      container.running = true
      startMachine(this.machine)
    })
  }

  /** The clock of the host is set. Kubelets write their next heartbeat by it within five minutes. */
  setClock(seconds: number): void {
    this.clock.jump(seconds)
    this.clock.after(300, () => {
      const node = this.cluster.nodes.get(this.machine.name)
      if (node && this.machine.kubelet.healthy) node.heartbeat = this.clock.now()
    })
  }

  /** Runs of this unit take longer from now on, and end after so many seconds at the latest. */
  holdUnit(script: string, seconds: number): void {
    this.machine.units.hold(script)
    this.clock.after(seconds, () => this.machine.units.release(script))
  }

  /**
   * Kubelets of this version end as soon as they start, for so many seconds or for good. One that runs goes on, and one that
   * ran before the present one is not broken for good: a machine without any kubelet that runs cannot come to rest.
   */
  breakKubelet(version: string, seconds: number): void {
    const { machine } = this
    const isForGood = !Number.isFinite(seconds)
    if (machine.files.get('/usr/bin/kubelet') === version) return
    if (isForGood && machine.files.get(`${state}/work/previous/kubelet`) === version) return
    machine.brokenKubelets.add(version)
    if (isForGood) return
    this.faults.begin(`kubelet ${version} broken`, seconds, undefined, () => {
      machine.brokenKubelets.delete(version)
      if (machine.kubelet.version === version && !machine.kubelet.healthy) machine.restartKubelet()
    })
  }

  fillDisk(seconds: number): void {
    const set = (isFull: boolean) => () => {
      this.machine.diskIsFull = isFull
    }
    this.faults.begin('disk full', seconds, set(true), set(false))
  }

  /** The process of the unit that runs is killed, half way. */
  killUnit(): void {
    const { units } = this.machine
    for (const name of units.running) {
      const script = name.replace('capd-kubeadm-upgrader-', '')
      this.faults.units.set(script, [{ halfway: 2 }])
      units.release(script)
    }
  }

  /** The record is gone, as from a disk that was set back. */
  loseRecord(): void {
    this.machine.files.delete(recordFile)
    this.watch.lost()
  }

  /** The member that is not upgraded has, or has not, a healthy etcd. */
  setMemberHealth(isHealthy: boolean): void {
    for (const machine of this.cluster.machines) if (machine !== this.machine) machine.etcdHealthy = isHealthy
  }

  /** Runs a command in a machine, unharmed. */
  async perform(name: string, argv: string[], options: ExecOptions): Promise<ExecResult> {
    if (name !== this.machine.name) return this.#exec(name, argv, options)
    const given = this.mutation.command?.(this.machine, argv) ?? argv
    const before = this.machine.files.get(recordFile)
    const recorded = this.watch.record
    let answer: Promise<ExecResult> | undefined
    const run = () => {
      answer = this.#exec(name, given, options)
    }
    if (this.mutation.around) this.mutation.around(this.machine, given, run)
    else run()
    if (this.machine.files.get(recordFile) !== before) this.watch.recordWritten(given[8] ?? '', recorded)
    const result = (await answer) as ExecResult
    if (argv[3] === 'observe.sh') return this.#observed(result)
    return result
  }

  /** Runs change.sh until just before or just after it writes the record. A look has nothing to be cut off. */
  async cut(name: string, argv: string[], options: ExecOptions, isWritten: boolean): Promise<ExecResult> {
    const { files, unknown } = this.machine
    const set = files.set
    files.set = (path, content) => {
      if (path !== recordFile) return set.call(files, path, content)
      if (isWritten) set.call(files, path, content)
      throw new Cut('killed')
    }
    // The command has its effect before this returns: what the other replica does meanwhile is not cut.
    const answer = this.perform(name, argv, options)
    files.set = set
    if (unknown.at(-1)?.endsWith(': killed')) unknown.pop()
    return answer
  }

  answeredBy(replica: Replica, answer: Progress): void {
    checkFailure(this, replica, answer)
  }

  answered(caller: Caller, answer: Progress): void {
    checkAnswer(this, caller, answer)
  }

  // As the engine without a wire does it, and without an id for each exec.
  async #exec(name: string, argv: string[], { input = '' }: ExecOptions): Promise<ExecResult> {
    const { running, machine } = this.#fake.container(name)
    if (!running || !machine) throw new UpgradeError('CONTAINER_STOPPED', { name })
    return machine.execute(argv, input)
  }

  #observed(result: ExecResult): ExecResult {
    for (const version of this.requested) {
      if (!runs(this.machine, version)) continue
      for (const wish of wishesAt(version)) {
        if (isThere(this.machine, wish)) this.fulfilled.set(nameOf(wish), this.clock.monotonic())
      }
    }
    if (!this.mutation.observed || result.exitCode !== 0) return result
    const document = JSON.parse(result.stdout)
    this.mutation.observed(document)
    return { ...result, stdout: JSON.stringify(document) }
  }

  /** The Node of the machine does not become Ready again until the cluster is brought to the wish. */
  holdNode(): void {
    const { nodes } = this.cluster
    const set = nodes.set.bind(nodes)
    this.#isNodeHeld = true
    nodes.set = (name, node) => set(name, { ...node, ready: name !== this.machine.name || !this.#isNodeHeld })
  }

  /** kubeadm-config, the other members and the Node come to the wish, where a test has held them back. */
  bringClusterToWish(): void {
    const { machine, cluster, clock } = this
    this.#raise(this.wish.version)
    this.#isNodeHeld = false
    const node = cluster.nodes.get(machine.name)
    if (node && machine.kubelet.healthy)
      cluster.nodes.set(machine.name, { ...node, ready: true, heartbeat: clock.now() })
  }

  // The members that are not upgraded here were upgraded before. kubeadm-config is what KCP has written.
  #raise(version: string): void {
    const isHigher = version > this.cluster.kubeadmConfigVersion
    if (this.kind.role === 'control-plane' || isHigher) this.cluster.kubeadmConfigVersion = version
    for (const machine of this.cluster.machines) {
      if (machine === this.machine || machine.role === 'worker' || (machine.apiServer?.version ?? '') >= version)
        continue
      for (const [pod, image] of Object.entries(staticPodsOf(version))) machine.setManifest(pod, image)
      for (const image of imagesOf(version)) machine.images.set(image, digestOf(image))
      machine.apiServer = { version, answers: true, ready: true }
    }
  }
}
