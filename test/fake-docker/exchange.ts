import type { SimulatedMachine } from './machine.ts'
import { staticPodsOf } from './release.ts'
import type { Ending } from './units.ts'

const programs = ['kubelet', 'kubectl', 'kubeadm']
const manifests = '/etc/kubernetes/manifests'
const staged = '/etc/kubernetes/tmp/capd-kubeadm-upgrader'
const drained = '/var/lib/capd-kubeadm-upgrader/drained'

/** What render.sh does. */
export function renderPods(machine: SimulatedMachine, [directory, , version, patches = '-']: string[]): Ending {
  if (machine.isDirectory(`${directory}/rendered`)) return { exitCode: 0, log: '' }
  if (Object.keys(machine.manifests).length < 4) return { exitCode: 46, log: '' }
  if (patches !== '-' && !machine.isDirectory(patches)) return { exitCode: 47, log: '' }
  const { files } = machine
  const configuration = files.get(`${directory}/cluster-configuration.yaml`) ?? ''
  const rendered = /^kubernetesVersion: "?([^"\n]*)"?$/m.exec(configuration)?.[1] ?? ''
  const reason =
    machine.renderRefusal ??
    (isMixed(machine) && !machine.isDirectory(`${directory}/before`)
      ? 'the static pods are of several versions'
      : undefined)
  const refusal =
    reason ??
    (rendered === version ? undefined : 'kubeadm renders another version of kube-apiserver') ??
    newerEtcd(machine, rendered)
  if (refusal !== undefined) {
    files.set(`${directory}/exchange.refused`, `${refusal}\n`)
  } else {
    writeRendered(machine, directory, rendered)
  }
  return { exitCode: 0, log: '' }
}

function writeRendered({ cluster, files, manifests: inPlace }: SimulatedMachine, directory = '', version = ''): void {
  for (const [pod, image] of Object.entries(staticPodsOf(version))) {
    const manifest = [image, ...(cluster.podArguments.get(pod) ?? [])].join(' ')
    files.set(`${directory}/rendered/${pod}.yaml`, manifest)
    if (pod === 'etcd' && inPlace.etcd === manifest) files.set(`${directory}/etcd.kept`, '')
  }
}

/** What prepare.sh does. */
export function prepareExchange(
  machine: SimulatedMachine,
  [directory = '', patches = '-', configuration = '', ...flags]: string[],
): Ending {
  const { files } = machine
  if (Object.keys(machine.manifests).length < 4) return { exitCode: 46, log: '' }
  if (patches !== '-' && !machine.isDirectory(patches)) return { exitCode: 47, log: '' }
  if (!machine.isDirectory(`${directory}/before`)) keepBefore(machine, directory)
  files.set(`${directory}/upgrade.yaml`, `${configuration}\n`)
  machine.did(`kubeadm upgrade node ${flags.join(' ')}`)
  const isRendered = machine.isDirectory(`${directory}/rendered`)
  if (!isRendered) return { exitCode: 1, log: 'cp: cannot stat\n' }
  machine.removeDirectory(staged)
  for (const pod of Object.keys(machine.manifests)) {
    const rendered = files.get(`${directory}/rendered/${pod}.yaml`)
    if (rendered === undefined) return { exitCode: 1, log: 'cp: cannot stat\n' }
    if (rendered !== files.get(`${manifests}/${pod}.yaml`)) files.set(`${staged}/${pod}.yaml`, rendered)
  }
  for (const name of programs) {
    const version = files.get(`${directory}/bin/${name}`) ?? ''
    files.delete(`/usr/bin/.${name}.new`)
    if (version !== files.get(`/usr/bin/${name}`)) files.set(`/usr/bin/.${name}.new`, version)
  }
  files.set(`${directory}/prepared`, '')
  return { exitCode: 0, log: '' }
}

/** What exchange.sh does, up to its end or until it has renamed so many files: systemd starts the kubelet then. */
export function exchangeForward(machine: SimulatedMachine, directory: string, balancer: string, most = 7): Ending {
  const { files } = machine
  if (files.has(`${directory}/undoing`)) return wentBack(machine, directory)
  const left = leftToRename(machine)
  if (left.length > 0) {
    if (!files.has(`${directory}/exchange.begun`) && !machine.etcdHealthy) return { exitCode: 51, log: '' }
    drain(machine, balancer)
    endStaticPods(
      machine,
      endingFor(
        machine,
        left.map(([, to]) => to),
      ),
    )
    files.set(`${directory}/exchange.begun`, '')
    for (const [from, to] of left.slice(0, most)) rename(machine, from, to)
    machine.restartKubelet()
    if (left.length > most) return { exitCode: 1, log: 'mv: no\n' }
  }
  const component = brokenComponent(machine)
  if (component !== undefined) {
    files.set(`${directory}/undoing`, `component ${component}: a last line\n`)
    return wentBack(machine, directory)
  }
  makeReady(machine)
  files.set(`${directory}/exchanged`, '')
  return { exitCode: 0, log: '' }
}

/** What exchange.sh does on its way back: everything from before is in place again and starts. */
export function goBack(machine: SimulatedMachine, directory: string): void {
  const { files } = machine
  machine.removeDirectory(staged)
  for (const name of programs) files.delete(`/usr/bin/.${name}.new`)
  if (machine.isDirectory(`${directory}/before`)) putBack(machine, directory)
  makeReady(machine)
  for (const entry of ['exchanged', 'exchange.begun', 'prepared', 'undoing']) files.delete(`${directory}/${entry}`)
  for (const entry of ['rendered', 'before']) machine.removeDirectory(`${directory}/${entry}`)
}

/** What tidy.sh does with what an exchange has left next to its place. False where the machine stays drained. */
export function tidyExchange(machine: SimulatedMachine): boolean {
  if (machine.files.has(drained) && !machine.cluster.balancer.answers) return false
  makeReady(machine)
  machine.removeDirectory(staged)
  for (const name of programs) machine.files.delete(`/usr/bin/.${name}.new`)
  return true
}

/** The names of the static pods that are not as they were rendered. */
export function movedPods(machine: SimulatedMachine, directory: string): string[] {
  return Object.keys(machine.manifests).filter(
    (pod) => machine.files.get(`${directory}/rendered/${pod}.yaml`) !== machine.manifests[pod],
  )
}

function keepBefore(machine: SimulatedMachine, directory: string): void {
  const { files } = machine
  for (const name of programs) files.set(`${directory}/before/${name}`, files.get(`/usr/bin/${name}`) ?? '')
  for (const [pod, image] of Object.entries(machine.manifests))
    files.set(`${directory}/before/manifests/${pod}.yaml`, image)
}

function wentBack(machine: SimulatedMachine, directory: string): Ending {
  const log = machine.files.get(`${directory}/undoing`) ?? ''
  goBack(machine, directory)
  return { exitCode: 49, log }
}

function putBack(machine: SimulatedMachine, directory: string): void {
  const { files } = machine
  const before = `${directory}/before`
  const places = [
    ...Object.keys(machine.manifests).map((pod) => [`${before}/manifests/${pod}.yaml`, `${manifests}/${pod}.yaml`]),
    ...programs.map((name) => [`${before}/${name}`, `/usr/bin/${name}`]),
  ]
  const changed = places.filter(([kept = '', place = '']) => files.get(kept) !== files.get(place))
  if (changed.length === 0) return
  endStaticPods(
    machine,
    endingFor(
      machine,
      changed.map(([, place = '']) => place),
    ),
  )
  for (const [kept = '', place = ''] of changed) files.set(place, files.get(kept) ?? '')
  machine.did('put everything from before back')
  machine.restartKubelet()
}

// What is not in its place yet, in the order in which it gets there: where it is, and its place.
function leftToRename({ files }: SimulatedMachine): [string, string][] {
  const pods = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']
  const all: [string, string][] = [
    ...pods.map((pod): [string, string] => [`${staged}/${pod}.yaml`, `${manifests}/${pod}.yaml`]),
    ...programs.map((name): [string, string] => [`/usr/bin/.${name}.new`, `/usr/bin/${name}`]),
  ]
  return all.filter(([from]) => files.has(from))
}

function rename({ files }: SimulatedMachine, from: string, to: string): void {
  files.set(to, files.get(from) ?? '')
  files.delete(from)
}

// A kubelet of another version starts all static pods once more.
function endingFor({ manifests: all }: SimulatedMachine, places: string[]): string[] {
  if (places.includes('/usr/bin/kubelet')) return Object.keys(all)
  return places.filter((place) => place.startsWith(manifests)).map((place) => place.slice(manifests.length + 1, -5))
}

function endStaticPods(machine: SimulatedMachine, pods: string[]): void {
  for (const [id, image] of machine.containers) {
    if (pods.some((pod) => image.includes(`/${pod}:`))) machine.containers.delete(id)
  }
  if (!pods.includes('kube-apiserver')) return
  machine.apiServer = { version: '', answers: false, ready: false }
}

function brokenComponent(machine: SimulatedMachine): string | undefined {
  if (machine.brokenKubelets.has(machine.files.get('/usr/bin/kubelet') ?? '')) return 'kubelet'
  return machine.brokenApiServers.has(machine.manifests['kube-apiserver'] ?? '') ? 'kube-apiserver' : undefined
}

function drain({ cluster, files, name }: SimulatedMachine, balancer: string): void {
  const { answers, draining } = cluster.balancer
  const isOtherUp = cluster.machines.some(
    (other) => other.name !== name && other.apiServer?.ready === true && !draining.has(other.name),
  )
  if (balancer !== 'drain' || !answers || !isOtherUp || files.has(drained)) return
  files.set(drained, 'http://balancer:8404/stats\n')
  draining.add(name)
}

function makeReady({ cluster, files, name }: SimulatedMachine): void {
  if (!files.has(drained) || !cluster.balancer.answers) return
  files.delete(drained)
  cluster.balancer.draining.delete(name)
}

// kubeadm leaves an etcd that is newer as it is.
function newerEtcd({ manifests: images }: SimulatedMachine, version: string): string | undefined {
  const [running = '', wanted = ''] = [images.etcd, staticPodsOf(version).etcd].map((image) => image?.split(':').at(-1))
  const isNewer = running.localeCompare(wanted, 'en', { numeric: true }) > 0
  return isNewer ? `etcd runs ${running}, which is newer than ${wanted}` : undefined
}

function isMixed({ manifests: images }: SimulatedMachine): boolean {
  const tags = Object.entries(images).flatMap(([pod, image]) => (pod === 'etcd' ? [] : image.split(':').at(-1)))
  return new Set(tags).size > 1
}
