import semver from 'semver'
import type { Facts } from '../machine/facts.ts'
import { clusterLabel, roleLabel } from '../machine/locate.ts'
import { type Machine, machineOn } from '../machine/machine.ts'
import type { Context } from './step.ts'

// The cluster's control plane machines, as the engine knows them.
async function controlPlaneMachines({ engine, machine }: Context) {
  const labels = { [clusterLabel]: machine.cluster, [roleLabel]: 'control-plane' }
  const names = await engine.list(labels)
  return names.map((name) => machineOn(engine, { name, cluster: machine.cluster, role: 'control-plane' }))
}

// What etcd still needs before its next member may be touched: every member answers its own health question,
// which is a read that a quorum has to agree to. kubeadm gives etcd this address (etcd.yaml, listen-metrics-urls).
export async function etcdWaitsFor(context: Context): Promise<string | undefined> {
  for (const member of await controlPlaneMachines(context)) {
    const { stdout } = await member.attempt(['curl', '-s', '-m', '5', 'http://127.0.0.1:2381/health'])
    if (!stdout.includes('"health":"true"')) return `the etcd member of ${member.name}`
  }
  return undefined
}

// The version of the oldest API server; undefined while one does not answer. The load balancer would answer for
// any of them, so each machine is asked for its own.
export async function oldestApiServer(context: Context): Promise<string | undefined> {
  const versions: string[] = []
  for (const machine of await controlPlaneMachines(context)) {
    const answer = await readObject<{ gitVersion: string }>(machine, '/version')
    if (answer === undefined) return undefined
    versions.push(answer.gitVersion)
  }
  return versions.sort(semver.compare)[0]
}

// kubeadm's own static pods at the version of Kubernetes, in every control plane machine.
const kubernetesPods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

/**
 * The versions that the manifests of kubeadm's own static pods name. All other static pods, such as kube-vip, are the
 * user's and have versions of their own. Empty on a worker.
 */
export function manifestVersions({ manifests }: Pick<Facts, 'manifests'>): string[] {
  const images = kubernetesPods.map((name) => manifests[name])
  return images.filter((image) => image !== undefined).map(tagOf)
}

/**
 * What kubeadm's own static pods still need: manifests at the target, and of each manifest's image a container that
 * runs, with none of another version of it next to it. etcd counts only where its manifest is there. Undefined when
 * they need nothing.
 */
export function staticPodsWaitFor(facts: Facts, target: string): string | undefined {
  const { manifests } = facts
  for (const name of kubernetesPods) {
    const image = manifests[name]
    if (image === undefined || tagOf(image) !== target) return `the manifest of ${name} at ${target}`
  }
  const own = [...kubernetesPods, 'etcd'].flatMap((name) => {
    const image = manifests[name]
    return image === undefined ? [] : [{ name, image }]
  })
  const late = own.find(({ image }) => !runsOnly(image, facts))
  return late && `${late.name} to run ${tagOf(late.image)}`
}

// True when the image runs, by whatever name, and no other image of its repositories does.
function runsOnly(image: string, { containers, digests }: Pick<Facts, 'containers' | 'digests'>): boolean {
  const digestOf = (name: string) => digests[name] ?? name.split('@')[1] ?? name
  const digest = digestOf(image)
  const names = Object.keys(digests).filter((name) => digestOf(name) === digest)
  const repositories = new Set([image, ...names].map(repositoryOf))
  const running = Object.values(containers)
  const isSame = (other: string) => digestOf(other) === digest
  return running.some(isSame) && running.every((other) => isSame(other) || !repositories.has(repositoryOf(other)))
}

// An object of the cluster's API; undefined while the API does not answer, or not in full.
export async function readObject<T>(machine: Machine, path: string): Promise<T | undefined> {
  const answer = (await machine.get(path)) ?? ''
  try {
    return JSON.parse(answer)
  } catch {
    return undefined
  }
}

// The ClusterConfiguration in the cluster's kubeadm-config, as YAML; undefined while the API does not answer.
export async function clusterConfiguration({ machine }: Context): Promise<string | undefined> {
  const path = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'
  return (await readObject<{ data: { ClusterConfiguration: string } }>(machine, path))?.data.ClusterConfiguration
}

// True when this machine's own API server says that it is ready.
export async function apiServerReady({ machine }: Pick<Context, 'machine'>): Promise<boolean> {
  return (await machine.get('/readyz'))?.trim() === 'ok'
}

// Another control plane machine whose API server is ready, by the name under which the machines reach it and which
// kubeadm writes into its certificate; undefined where there is none.
export async function otherApiServer(context: Context): Promise<string | undefined> {
  for (const machine of await controlPlaneMachines(context)) {
    if (machine.name !== context.machine.name && (await apiServerReady({ machine }))) return machine.name
  }
  return undefined
}

// The tag of an image's name, as manifests have it, with or without a digest after it.
function tagOf(image: string): string {
  const [name = ''] = image.split('@')
  return name.slice(name.lastIndexOf(':') + 1)
}

// kind's node images have two names for each image of Kubernetes, one with the architecture, and containerd gives a
// container the one that sorts first.
const architecture = /-(amd64|arm|arm64|ppc64le|riscv64|s390x)$/

function repositoryOf(image: string): string {
  const [name = ''] = image.split('@')
  return name.replace(/:[^:/]*$/, '').replace(architecture, '')
}
