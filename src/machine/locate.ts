import { createHash, X509Certificate } from 'node:crypto'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Engine } from './engine.ts'
import { type Machine, machineOn } from './machine.ts'

// CAPD's and kind's labels (CAPI v1.14.2 test/infrastructure/docker/internal/docker/util.go).
export const clusterLabel = 'io.x-k8s.kind.cluster'
export const roleLabel = 'io.x-k8s.kind.role'

/** What a Machine says of its container. */
export interface Whereabouts {
  container: string
  cluster: string
  // Checked when known.
  role?: Machine['role'] | undefined
  // "sha256:<hex>" of the cluster CA's public key, in either case, as kubeadm join pins it; checked when there are any.
  caCertHashes?: string[]
}

// The container from a providerID, never derived from anything else.
// Throws PROVIDER_ID_MISSING or PROVIDER_ID_FORM.
export function containerOf(providerID: string | undefined): string {
  if (!providerID) throw new UpgradeError('PROVIDER_ID_MISSING')
  // Docker's own rule for names; it leaves no room for slashes, shell characters or "..".
  const name = /^docker:\/\/\/\/([a-zA-Z0-9][a-zA-Z0-9_.-]*)$/.exec(providerID)?.[1]
  if (name === undefined || name.includes('..')) throw new UpgradeError('PROVIDER_ID_FORM')
  return name
}

/**
 * Finds the machine and makes sure that it is the one meant, that it runs, and that nothing was mistaken for it.
 * Throws the CONTAINER_ errors; touches nothing.
 */
export async function locate(
  engine: Engine,
  { container, cluster, role, caCertHashes = [] }: Whereabouts,
): Promise<Machine> {
  const found = await engine.inspect(container)
  const name = found.name
  // Docker takes an id, or the beginning of one, for a name: then one machine would have two.
  if (name !== container) throw new UpgradeError('CONTAINER_NAME', { name: container, actual: name })
  if (found.labels[clusterLabel] !== cluster) throw new UpgradeError('CONTAINER_OF_OTHER_CLUSTER', { name, cluster })
  const actual = found.labels[roleLabel]
  if ((actual !== 'control-plane' && actual !== 'worker') || (role !== undefined && actual !== role)) {
    throw new UpgradeError('CONTAINER_ROLE', { name, role: role ?? 'machine' })
  }
  if (found.hostname !== name) throw new UpgradeError('CONTAINER_HOSTNAME', { name })
  if (found.paused) throw new UpgradeError('CONTAINER_PAUSED', { name })
  if (!found.running) throw new UpgradeError('CONTAINER_STOPPED', { name })
  const machine = machineOn(engine, { name, cluster, role: actual })
  if (caCertHashes.length > 0 && !(await trustsOne(machine, caCertHashes))) {
    throw new UpgradeError('CONTAINER_CA', { name })
  }
  return machine
}

// True when one of the machine's cluster CAs is pinned. kubeadm takes a pin in either case.
async function trustsOne(machine: Machine, pins: string[]): Promise<boolean> {
  const wanted = new Set(pins.map((pin) => pin.toLowerCase()))
  const bundle = await machine.run(['cat', '/etc/kubernetes/pki/ca.crt'])
  const certificates = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return certificates.some((pem) => wanted.has(pinOf(pem) ?? ''))
}

// kubeadm's hash of a CA: SHA-256 over the public key as SubjectPublicKeyInfo (kubeadm app/util/pubkeypin). Undefined
// for what is no certificate.
function pinOf(pem: string): string | undefined {
  try {
    const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
    return `sha256:${createHash('sha256').update(key).digest('hex')}`
  } catch {
    return undefined
  }
}
