import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Role } from '../witness/role.ts'
import type { Json } from './cluster-api.ts'

/** What replaces the names, versions and CA of a captured request. */
export interface Replacements {
  cluster: string
  /** The container, which is also the name of the Machine and of the Node. */
  machine: string
  from: string
  to: string
  /** The cluster's CA certificate (PEM). A worker's KubeadmConfig has the hash of its key. */
  ca: string
}

type Captured = 'can-update-machine.version' | 'can-update-machine-set.version' | `update-machine.${Role}`

/**
 * Returns a request that Cluster API has sent, with other names, providerID, versions and hash of the cluster's CA and
 * otherwise unchanged. The providerID has the form of CAPD; kind's own Nodes have "kind://".
 */
export function capturedRequest(name: Captured, replacements: Replacements): Json & { current: Json; desired: Json } {
  const file = new URL(`../../test/fixtures/capi-v1.14.2/${name}.json`, import.meta.url)
  const { body } = JSON.parse(readFileSync(file, 'utf8'))
  return replaceAll(body, (text) => {
    if (/^sha256:/.test(text)) return hashOf(replacements.ca)
    const replaced = text.replace(/^(docker:\/\/\/\/)?w1-(cp-qslx5|md-kk9g6-6vljf)$/, `$1${replacements.machine}`)
    return (
      (
        { w1: replacements.cluster, 'v1.34.4': replacements.from, 'v1.35.4': replacements.to } as Record<string, string>
      )[replaced] ?? replaced
    )
  }) as Json & { current: Json; desired: Json }
}

// Replaces every string in a JSON value, which never contains undefined.
function replaceAll(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value)
  if (Array.isArray(value)) return value.map((item) => replaceAll(item, replace))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceAll(item, replace)]))
}

function hashOf(ca: string): string {
  const key = new X509Certificate(ca).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}
