import { createHash, X509Certificate } from 'node:crypto'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Engine } from './engine.ts'
import { type MachineHost, type MachineIdentity, machineOn } from './machine.ts'

// CAPD's and kind's labels (CAPI v1.14.2 test/infrastructure/docker/internal/docker/util.go).
export const clusterLabel = 'io.x-k8s.kind.cluster'
export const roleLabel = 'io.x-k8s.kind.role'

// A bundle has a few. Each takes time to read, and the bundle is whatever stands in the machine.
const mostCertificates = 20

// What a Machine says of its container.
export interface Whereabouts {
  container: string
  cluster: string
  // Checked when known.
  role?: MachineIdentity['role'] | undefined
  // "sha256:<hex>" of the cluster CA's public key, as kubeadm join pins it; checked when there are any.
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
 * Finds the machine and makes sure that it is the one meant, that it runs, and that it is named as it names itself.
 * Changes nothing. Throws the CONTAINER_ errors and what the engine throws. Whose cluster CA it trusts is for the
 * caller to check, with what is observed in the machine.
 */
export async function locate(engine: Engine, { container, cluster, role }: Whereabouts): Promise<Located> {
  const found = await engine.inspect(container)
  const name = found.name
  // Docker resolves ids and prefixes of ids too. One machine has one name, or two callers would not see each other.
  if (name !== container) throw new UpgradeError('CONTAINER_NAME', { name: container, actual: name })
  if (found.labels[clusterLabel] !== cluster) throw new UpgradeError('CONTAINER_OF_OTHER_CLUSTER', { name, cluster })
  const actual = found.labels[roleLabel]
  if ((actual !== 'control-plane' && actual !== 'worker') || (role !== undefined && actual !== role)) {
    throw new UpgradeError('CONTAINER_ROLE', { name, role: role ?? 'machine' })
  }
  if (found.hostname !== name) throw new UpgradeError('CONTAINER_HOSTNAME', { name })
  if (found.paused) throw new UpgradeError('CONTAINER_PAUSED', { name })
  if (!found.running) throw new UpgradeError('CONTAINER_STOPPED', { name })
  return { machine: machineOn(engine, { name, cluster, role: actual }), varVolume: found.varVolume }
}

/** A machine that is the one meant, and the name of its volume at /var. */
export interface Located {
  machine: MachineHost
  varVolume: string | undefined
}

/**
 * kubeadm's hashes of the CAs in a bundle: "sha256:" and SHA-256 in hex over the public key as SubjectPublicKeyInfo.
 * What is no certificate is left out, and so are all after the first twenty. Source: kubeadm v1.35.4 cmd/kubeadm/app/util/pubkeypin.
 */
export function certificateHashes(bundle: string): string[] {
  const certificates = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return certificates.slice(0, mostCertificates).flatMap((pem) => {
    try {
      const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
      return `sha256:${createHash('sha256').update(key).digest('hex')}`
    } catch {
      return []
    }
  })
}
