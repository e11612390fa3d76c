import type { Role } from '../../src/contract/role.ts'
import type { ExecResult } from '../../src/machine/engine.ts'
import { caCertificate } from './ca.ts'
import type { SimulatedCluster } from './cluster.ts'
import { execute } from './commands.ts'
import { digestOf, imagesOf, old, staticPodsOf } from './release.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import { Units } from './units.ts'

// An hour before the simulated world begins.
const bootedAt = Date.parse('2025-12-31T23:00:00Z')

const manifestsDirectory = '/etc/kubernetes/manifests/'

// A kubeadm machine as a small object: it answers the commands that src/ runs in machines, and its kubelet, units
// and static pods go on by themselves as simulated time passes.
export class SimulatedMachine {
  readonly name: string
  readonly role: Role
  readonly cluster: SimulatedCluster
  readonly clock: SimulatedClock
  readonly units: Units
  // Path to content; for a program, its version. A directory is there when a path below it is.
  readonly files = new Map<string, string>()
  // Name to digest.
  readonly images = new Map<string, string>()
  // Id to image of what runs.
  readonly containers = new Map<string, string>()
  // Id to the uptime at which it was started.
  readonly containerStarts = new Map<string, number>()
  // Static pod name to what its process was started with: its image and its arguments.
  readonly running = new Map<string, string>()
  kubelet = { pid: 700, restarts: 0, version: old, startedAt: 0, healthy: true }
  apiServer: { version: string; answers: boolean; ready: boolean } | undefined
  etcdHealthy = true
  mirrorPods: 'ready' | 'not ready' | 'just made' = 'ready'
  // What the machine is and what it runs on, as observe.sh prints it.
  host = ['Cgroups=2', 'Containerd=v2.3.4']
  freeMiB = 50_000
  diskIsFull = false
  containerdAnswers = true
  ca = caCertificate
  bootId = 'boot-1'
  // The last event that was noted, so that the story has it once.
  lastNote = ''
  // Kubelets of these versions end as soon as they have started, and systemd starts them again.
  readonly brokenKubelets = new Set<string>()
  // API servers of these images never get ready.
  readonly brokenApiServers = new Set<string>()
  // Why kubeadm cannot render the static pods, if it cannot.
  renderRefusal: string | undefined
  // What was asked of the machine, and what that changed in it, in order.
  readonly commands: string[][] = []
  readonly effects: string[] = []
  // Commands that this simulation does not know: each is a fault of the test.
  readonly unknown: string[] = []
  #ids = 0

  constructor(name: string, role: Role, cluster: SimulatedCluster, clock: SimulatedClock) {
    this.name = name
    this.role = role
    this.cluster = cluster
    this.clock = clock
    this.units = new Units(clock)
    for (const program of ['kubeadm', 'kubelet', 'kubectl']) this.files.set(`/usr/bin/${program}`, old)
    for (const image of imagesOf(old)) this.images.set(image, digestOf(image))
    this.runContainer('registry.k8s.io/pause:3.10.1')
    this.runContainer(`registry.k8s.io/kube-proxy:${old}`)
    if (role === 'control-plane') {
      for (const [pod, image] of Object.entries(staticPodsOf(old))) this.setManifest(pod, image)
      for (const [pod, image] of Object.entries(this.manifests)) this.#startPod(pod, image)
      this.files.set('/var/lib/etcd/member/wal', 'data')
      this.apiServer = { version: old, answers: true, ready: true }
    }
    cluster.machines.push(this)
    cluster.nodes.set(name, { kubeletVersion: old, ready: true, heartbeat: clock.now() })
  }

  // Seconds since the host booted; the clock that people set does not move it.
  get uptime(): number {
    return (this.clock.monotonic() - bootedAt) / 1000
  }

  execute(argv: string[], input: string): ExecResult {
    this.commands.push(argv)
    try {
      return execute(this, argv, input)
    } catch (thrown) {
      this.unknown.push(`${argv.join(' ')}: ${(thrown as Error).message}`)
      return { exitCode: 127, stdout: '', stderr: (thrown as Error).message }
    }
  }

  did(effect: string): void {
    this.effects.push(effect)
    this.cluster.story.push(`    ${effect}`)
  }

  // Static pod name to image, and to the arguments after it.
  get manifests(): Record<string, string> {
    const files = [...this.files].filter(([path]) => path.startsWith(manifestsDirectory))
    return Object.fromEntries(
      files.map(([path, image]) => [path.slice(manifestsDirectory.length, -'.yaml'.length), image]),
    )
  }

  setManifest(pod: string, image: string): void {
    this.files.set(`${manifestsDirectory}${pod}.yaml`, image)
  }

  removeManifest(pod: string): void {
    this.files.delete(`${manifestsDirectory}${pod}.yaml`)
  }

  // What the engine gives of a file, also while the machine does not run.
  fileAtRest(path: string): string | undefined {
    return path === '/etc/kubernetes/pki/ca.crt' ? this.ca : this.files.get(path)
  }

  isDirectory(path: string): boolean {
    return [...this.files.keys()].some((file) => file.startsWith(`${path}/`))
  }

  removeDirectory(path: string): void {
    for (const file of this.files.keys()) if (file.startsWith(`${path}/`)) this.files.delete(file)
  }

  runContainer(image: string): void {
    this.#ids += 1
    const id = `${this.name}-${this.#ids}`
    this.containers.set(id, image)
    this.containerStarts.set(id, this.uptime)
  }

  // All static pods start once more, from the manifests as they are.
  restartStaticPods(pods = Object.keys(this.manifests)): void {
    const started = Object.entries(this.manifests).filter(([pod]) => pods.includes(pod))
    const repositories = new Set(started.map(([, manifest]) => repositoryOf(imageIn(manifest))))
    for (const [id, image] of this.containers) if (repositories.has(repositoryOf(image))) this.containers.delete(id)
    for (const [pod, manifest] of started) this.#startPod(pod, manifest)
    if (!pods.includes('kube-apiserver')) return
    const version = imageIn(this.manifests['kube-apiserver'] ?? '')
      .split(':')
      .at(-1)
    this.apiServer = { version: version ?? '', answers: true, ready: false }
    const server = this.apiServer
    this.clock.after(2, () => {
      server.ready = true
    })
  }

  #startPod(pod: string, manifest: string): void {
    this.runContainer(imageIn(manifest))
    this.running.set(pod, manifest)
  }

  // The static pods of which no container runs.
  get stoppedPods(): string[] {
    const images = new Set(this.containers.values())
    return Object.keys(this.manifests).filter((pod) => !images.has(imageIn(this.manifests[pod] ?? '')))
  }

  // Starts the kubelet that stands in /usr/bin. One of the same version leaves what runs alone.
  restartKubelet(): void {
    const isSame = this.kubelet.version === this.files.get('/usr/bin/kubelet')
    const version = this.files.get('/usr/bin/kubelet') ?? ''
    const started = {
      pid: this.kubelet.pid + 10,
      restarts: 0,
      version,
      startedAt: this.uptime,
      healthy: false,
    }
    this.kubelet = started
    this.did(`kubelet ${version} starts`)
    if (this.brokenKubelets.has(version)) return
    this.clock.after(1, () => {
      started.healthy = true
    })
    this.clock.after(2, () => {
      if (this.kubelet !== started) return
      this.cluster.nodes.set(this.name, { kubeletVersion: version, ready: true, heartbeat: this.clock.now() })
      if (this.role === 'control-plane') this.restartStaticPods(isSame ? this.stoppedPods : undefined)
    })
  }

  // systemd's name of the kubelet's present run.
  get kubeletRun(): string {
    return `started-at-${this.kubelet.startedAt}`
  }

  // What a look at the kubelet finds: a broken one is another process each time.
  lookAtKubelet(): SimulatedMachine['kubelet'] {
    if (this.brokenKubelets.has(this.kubelet.version)) {
      this.kubelet.pid += 1
      this.kubelet.restarts += 1
      this.kubelet.startedAt = this.uptime
    }
    return this.kubelet
  }

  // All that an upgrade could have changed, to compare before with after.
  snapshot(): object {
    const { files, images, containers, kubelet, units } = this
    return structuredClone({ files, images, containers, kubelet, starts: units.starts, units: units.names })
  }
}

/** The image of a manifest, which has arguments after it. */
export function imageIn(manifest: string): string {
  return manifest.split(' ')[0] ?? ''
}

function repositoryOf(image: string): string {
  return image.slice(0, image.lastIndexOf(':'))
}
