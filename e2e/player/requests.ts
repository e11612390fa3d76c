import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Role } from '../witness/role.ts'
import type { Json } from './cluster-api.ts'

export interface Subject {
  cluster: string
  // The container, and with it the Machine and the Node.
  machine: string
  from: string
  to: string
  // The cluster's CA certificate, PEM: a worker's KubeadmConfig names the hash of its key.
  ca: string
}

type Captured = 'can-update-machine.version' | 'can-update-machine-set.version' | `update-machine.${Role}`

// A request that Cluster API really sent, with nothing changed but names, providerID, versions and the hash of
// the cluster's CA. kind's own Nodes say "kind://"; the form that CAPD gives a Machine is built here.
export function captured(name: Captured, subject: Subject): Json & { current: Json; desired: Json } {
  const file = new URL(`../../test/fixtures/capi-v1.14.2/${name}.json`, import.meta.url)
  const { body } = JSON.parse(readFileSync(file, 'utf8'))
  return replaceAll(body, (text) => {
    if (/^sha256:/.test(text)) return hashOf(subject.ca)
    const replaced = text.replace(/^(docker:\/\/\/\/)?w1-(cp-qslx5|md-kk9g6-6vljf)$/, `$1${subject.machine}`)
    return (
      ({ w1: subject.cluster, 'v1.34.4': subject.from, 'v1.35.4': subject.to } as Record<string, string>)[replaced] ??
      replaced
    )
  }) as Json & { current: Json; desired: Json }
}

// Walks JSON and replaces every string in it; "undefined" never comes in.
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
