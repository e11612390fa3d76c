import semver from 'semver'
import type { ApiAnswer, Observation } from '../machine/observation.ts'
import { parseYaml } from '../machine/yaml.ts'
import type { Members } from './members.ts'
import type { Situation } from './step.ts'

/** The path of the ConfigMap that kubeadm keeps the cluster's configuration in. */
export const kubeadmConfigPath = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'

/** Where a version of an API server or a configuration stands to the target, as far as it can be read. */
export type Reading<T> = { value: T } | { waitsFor: string }

/** Why an answer of the API cannot be used: a constant text for people, with the server's own reason. */
function troubleOf(what: string, answer: ApiAnswer | undefined): string {
  if (answer === undefined || answer.kind === 'ok') return `${what} to be readable`
  const causes = {
    unreachable: 'the API server does not answer',
    forbidden: 'the API server refuses it',
    'not-found': 'it does not exist',
    refused: 'the API server has an error',
  }
  // The connection's own words carry ports and request ids that change; the server's are the reason to act on.
  const detail = answer.kind === 'unreachable' ? '' : `: ${answer.reason}`
  return `${what} (${causes[answer.kind]}${detail})`
}

/** An object of the API, parsed. Only that it is an object is checked: all of its fields may be missing or others. */
export function objectIn<T extends object>(what: string, answer: ApiAnswer | undefined): Reading<T> {
  if (answer?.kind !== 'ok') return { waitsFor: troubleOf(what, answer) }
  try {
    const value: unknown = JSON.parse(answer.body)
    if (typeof value === 'object' && value !== null) return { value: value as T }
  } catch {
    // Reported below: an answer that is cut off is no JSON.
  }
  return { waitsFor: `${what} to be readable` }
}

/** The ClusterConfiguration in the cluster's kubeadm-config, and the version that it names. */
export function clusterConfiguration({ api }: Observation): Reading<{ yaml: string; version: string }> {
  const what = "the cluster's kubeadm-config"
  const found = objectIn<{ data?: { ClusterConfiguration?: unknown } | null }>(what, api.get(kubeadmConfigPath))
  if ('waitsFor' in found) return found
  const yaml = found.value.data?.ClusterConfiguration
  if (typeof yaml !== 'string') return { waitsFor: `${what} to name a version` }
  try {
    const version = (parseYaml(yaml) as { kubernetesVersion?: unknown } | null)?.kubernetesVersion
    if (typeof version === 'string') return { value: { yaml, version } }
  } catch {
    // Reported below: a configuration that is no YAML, or far too long, names no version.
  }
  return { waitsFor: `${what} to name a version` }
}

/** The version of the oldest API server. The load balancer would answer for any of them, so each is asked itself. */
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

/** The version of the API server that answers a machine under the address that it knows. */
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
 * What etcd still needs before its next member may be touched: every member answers its own health question, which is
 * a read that a quorum has to agree to. A machine without etcd has no member.
 */
export function etcdWaitsFor({ machine, observation, members }: Situation): string | undefined {
  const unwell = observation.etcdHealthy === false ? [machine.name] : []
  for (const { name, trouble, etcdHealthy } of members) {
    if (trouble !== undefined) return `the control plane machine ${name}: ${trouble}`
    if (etcdHealthy === false) unwell.push(name)
  }
  return unwell[0] === undefined ? undefined : `the etcd member of ${unwell[0]}`
}

/** True when this machine's own API server reports that it is ready. */
export function apiServerReady({ api }: Observation): boolean {
  const answer = api.get('/readyz')
  return answer?.kind === 'ok' && answer.body.trim() === 'ok'
}

/** Another control plane machine whose API server is ready, by the name under which the machines reach it. */
export function otherApiServer(members: Members): string | undefined {
  return members.find(({ ready }) => ready)?.name
}
