import { digestOf as fileDigestOf, fileRules, filesOf } from '../../src/kubernetes/desired-files.ts'
import { SimulatedCluster } from '../fake-docker/cluster.ts'
import { type FakeContainer, frame, machineContainer, type Played } from '../fake-docker/container.ts'
import { FakeEngine } from '../fake-docker/engine.ts'
import { SimulatedMachine } from '../fake-docker/machine.ts'
import { digestOf, imagesOf, old, staticPodsOf, target } from '../fake-docker/release.ts'
import { Refusal } from '../fake-docker/reply.ts'
import { SimulatedClock } from '../fake-docker/simulated-clock.ts'
import { clusterOf, specOf } from './names.ts'

const programs = ['kubeadm', 'kubelet', 'kubectl']
const applied = '/var/lib/capd-kubeadm-upgrader/files/applied'
const megabyte = frame(1, Buffer.alloc(1_000_000, 'x'))
// Machines that are kept at a time: a machine of long ago is not requested again.
const keptMachines = 3000
// Execs that have ended are kept for so long.
const keptMs = 30_000

/** A fake engine with any number of machines, which are made when they are first requested. names.ts has the rules. */
export class LoadEngine extends FakeEngine {
  /** The machines whose call has hung. */
  readonly hung = new Set<string>()
  readonly #clock = new SimulatedClock()
  readonly #clusters = new Map<string, SimulatedCluster>()
  readonly #made = new Map<string, FakeContainer>()
  readonly #endedAt = new Map<string, number>()

  constructor() {
    super()
    this.#addControlPlane('load', target)
    this.#addControlPlane('waiting', old)
    this.fault = (request) => this.#hang(request)
  }

  /** Lets real time pass in the machines, and forgets what is no longer requested. */
  run(): void {
    let last = performance.now()
    setInterval(() => {
      const now = performance.now()
      this.#clock.pass((now - last) / 1000)
      last = now
    }, 100)
    setInterval(() => this.#sweep(), 5000)
  }

  override container(nameOrId: string): FakeContainer {
    const kind = /^(waiting|ready|written|hung|failing|loud|talkative)-/.exec(nameOrId)?.[1]
    if (kind === undefined) return super.container(nameOrId)
    // After its one hung call the machine is gone, which ends its upgrade.
    if (this.hung.has(nameOrId)) throw new Refusal(404, `No such container: ${nameOrId}`)
    const found = this.#made.get(nameOrId) ?? this.#make(nameOrId)
    this.#made.set(nameOrId, found)
    return found
  }

  #make(name: string): FakeContainer {
    const cluster = this.#clusters.get(clusterOf(name)) as SimulatedCluster
    const machine = new SimulatedMachine(name, 'worker', cluster, this.#clock)
    // Reads of the API go through all machines of the cluster in search of a server.
    cluster.machines.pop()
    if (/^(ready|written)-/.test(name)) putAtTarget(machine)
    if (name.startsWith('ready-')) {
      const spec = specOf(name)
      for (const file of filesOf(spec, fileRules(spec)).wanted) {
        machine.files.set(`${applied}${file.path}`, fileDigestOf(file))
      }
    }
    const container = machineContainer(machine)
    if (name.startsWith('hung-output-')) {
      container.play = () => {
        this.hung.add(name)
        return { chunks: [], exitCode: 0, end: 'never' }
      }
    }
    if (name.startsWith('loud-')) {
      container.play = () => ({ chunks: Array<Uint8Array>(450).fill(megabyte), exitCode: 0 })
    }
    if (name.startsWith('failing-')) {
      const errors = 'a line of an error\n'.repeat(3 * 55_000)
      container.play = () => ({ chunks: [frame(2, errors)], exitCode: 1 })
    }
    if (name.startsWith('talkative-')) {
      const play = container.play
      container.play = (argv, input) => withLogs(play(argv, input))
    }
    return container
  }

  #addControlPlane(name: string, version: string): void {
    const cluster = new SimulatedCluster(name)
    cluster.kubeadmConfigVersion = target
    this.#clusters.set(name, cluster)
    const machine = new SimulatedMachine(`cp-of-${name}`, 'control-plane', cluster, this.#clock)
    for (const [pod, image] of Object.entries(staticPodsOf(version))) machine.setManifest(pod, image)
    machine.apiServer = { version, answers: true, ready: true }
    this.containers.push(machineContainer(machine))
  }

  #hang(request: string): 'hang' | 'half' | undefined {
    const name = this.#hungBy(request)
    if (name === undefined || this.hung.has(name)) return undefined
    this.hung.add(name)
    return name.startsWith('hung-half-') ? 'half' : 'hang'
  }

  // The machine that this request hangs for, if any.
  #hungBy(request: string): string | undefined {
    const exec = /^POST \/exec\/([^/]+)\/start$/.exec(request)?.[1]
    if (exec !== undefined) return named(/^hung-start-/, this.execs.all.get(exec)?.container.name)
    const [, name, action] = /^[A-Z]+ \/containers\/([^/]+)\/(json|exec)$/.exec(request) ?? []
    return named(action === 'json' ? /^hung-(inspect|half)-/ : /^hung-create-/, name)
  }

  #sweep(): void {
    this.requests.length = 0
    for (const { machine } of this.#made.values()) if (machine) machine.commands.length = 0
    for (const cluster of this.#clusters.values()) {
      cluster.story.length = 0
      for (const { commands } of cluster.machines) commands.length = 0
    }
    for (const name of this.#made.keys()) {
      if (this.#made.size <= keptMachines) break
      if (name.startsWith('waiting-')) continue
      this.#made.delete(name)
      this.#clusters.get(clusterOf(name))?.nodes.delete(name)
    }
    this.#forgetExecs()
  }

  #forgetExecs(): void {
    const now = performance.now()
    for (const [id, { exitCode }] of this.execs.all) {
      if (exitCode === null) continue
      const endedAt = this.#endedAt.get(id) ?? now
      this.#endedAt.set(id, endedAt)
      if (now - endedAt < keptMs) continue
      this.execs.all.delete(id)
      this.#endedAt.delete(id)
    }
  }
}

function named(pattern: RegExp, name = ''): string | undefined {
  return pattern.test(name) ? name : undefined
}

// An observation whose units have logged 2.5 MB.
function withLogs({ chunks, ...rest }: Played): Played {
  const [stdout = new Uint8Array(), stderr = new Uint8Array()] = chunks as Iterable<Uint8Array>
  const printed = Buffer.from(stdout).subarray(8).toString()
  if (!printed.startsWith('{')) return { chunks: [stdout, stderr], ...rest }
  const logs = { exitCode: 0, text: Buffer.from('a line of a log\n'.repeat(160_000)).toString('base64') }
  return { chunks: [frame(1, JSON.stringify({ ...JSON.parse(printed), logs })), stderr], ...rest }
}

function putAtTarget(machine: SimulatedMachine): void {
  const { name, cluster, clock } = machine
  for (const program of programs) machine.files.set(`/usr/bin/${program}`, target)
  for (const image of imagesOf(target)) machine.images.set(image, digestOf(image))
  machine.kubelet.version = target
  cluster.nodes.set(name, { kubeletVersion: target, ready: true, heartbeat: clock.now() })
}
