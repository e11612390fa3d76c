import semver from 'semver'
import type { ApiAnswer, Observation } from '../machine/observation.ts'
import { parseYaml } from '../machine/yaml.ts'
import { isReady, objectIn, type Reading, troubleOf } from './api-answer.ts'
import type { Members } from './members.ts'
import type { Situation } from './step.ts'

/** The path of the ConfigMap with kubeadm's ClusterConfiguration. */
export const kubeadmConfigPath = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'

/** The ClusterConfiguration in the ConfigMap kubeadm-config: as text, its Kubernetes version, and parsed. */
export function clusterConfiguration({
  api,
}: Observation): Reading<{ yaml: string; version: string; parsed: unknown }> {
  const what = "the cluster's kubeadm-config"
  const found = objectIn<{ data?: { ClusterConfiguration?: unknown } | null }>(what, api.get(kubeadmConfigPath))
  if ('waitsFor' in found) return found
  const yaml = found.value.data?.ClusterConfiguration
  if (typeof yaml !== 'string') return { waitsFor: `${what} to name a version` }
  try {
    const parsed = parseYaml(yaml) as { kubernetesVersion?: unknown } | null
    const version = parsed?.kubernetesVersion
    if (typeof version === 'string') return { value: { yaml, version, parsed } }
  } catch {
    // Handled below: a configuration that is not YAML, or too long, has no version.
  }
  return { waitsFor: `${what} to name a version` }
}

/**
 * The version of the oldest API server, by the observation of each member. The load balancer could hide the oldest one.
 */
export function oldestApiServer(members: Members): Reading<semver.SemVer> {
  let oldest: semver.SemVer | undefined
  for (const { name, trouble, version } of members) {
    if (trouble !== undefined) return { waitsFor: `the control plane machine ${name}: ${trouble}` }
    const found = versionIn(`the API server of ${name}`, version)
    if ('waitsFor' in found) return found
    if (!oldest || semver.lt(found.value, oldest)) oldest = found.value
  }
  return oldest ? { value: oldest } : { waitsFor: 'a control plane machine of the cluster on this engine' }
}

/** The version of the API server, as the machine's kubeconfig reaches it. */
export function servedVersion(answer: ApiAnswer | undefined): Reading<semver.SemVer> {
  return versionIn('the API server', answer)
}

function versionIn(server: string, answer: ApiAnswer | undefined): Reading<semver.SemVer> {
  const found = objectIn<{ gitVersion?: unknown }>(`the version of ${server}`, answer)
  if ('waitsFor' in found) return found
  const parsed = semver.parse(String(found.value.gitVersion))
  return parsed ? { value: parsed } : { waitsFor: `${server} to report the version of a release` }
}

/**
 * What etcd needs before its next member may be changed, or undefined. Every member has to report that it is healthy,
 * which includes a read with a quorum. A machine without etcd does not count.
 */
export function etcdWaitsFor({ machine, observation, members }: Situation): string | undefined {
  const unwell = observation.etcdHealthy === false ? [machine.name] : []
  for (const { name, trouble, etcdHealthy } of members) {
    if (trouble !== undefined) return `the control plane machine ${name}: ${trouble}`
    if (etcdHealthy === false) unwell.push(name)
  }
  return unwell[0] === undefined ? undefined : `the etcd member of ${unwell[0]}`
}

/** What the API server of this machine needs to become ready, by its /readyz, or undefined when it is ready. */
export function apiServerWaitsFor({ api }: Observation): string | undefined {
  const answer = api.get('/readyz')
  if (isReady(answer)) return undefined
  const what = 'the API server to be ready'
  const check = answer?.kind === 'refused' ? /\[-\]([\w./-]+)/.exec(answer.reason)?.[1] : undefined
  return check === undefined ? troubleOf(what, answer) : `${what} (its check ${check} fails)`
}

/** The name of another control plane machine with a ready API server, by which machines can reach it. */
export function otherApiServer(members: Members): string | undefined {
  return members.find(({ ready }) => ready)?.name
}
