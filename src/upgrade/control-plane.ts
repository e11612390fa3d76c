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

// What the static pods of this machine still need: manifests of Kubernetes' own at the target, and of each
// manifest's image a container that runs, with none of another version of it beside.
export function staticPodsWaitFor({ manifests, containers, digests }: Facts, target: string): string | undefined {
  const running = Object.values(containers)
  const isSame = (one: string, other: string) => one === other || (digests[one] ?? one) === digests[other]
  for (const [name, image] of Object.entries(manifests)) {
    if (name.startsWith('kube-') && tagOf(image) !== target) return `the manifest of ${name} at ${target}`
    const versions = running.filter((other) => repositoryOf(other) === repositoryOf(image))
    if (versions.length === 0 || !versions.every((other) => isSame(other, image)))
      return `${name} to run ${tagOf(image)}`
  }
  return undefined
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

// Of an image's name with a tag, as manifests have it.
export function tagOf(image: string): string {
  return image.slice(image.lastIndexOf(':') + 1)
}

function repositoryOf(image: string): string {
  return image.slice(0, image.lastIndexOf(':'))
}
