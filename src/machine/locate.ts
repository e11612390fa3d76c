import { createHash, X509Certificate } from 'node:crypto'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Engine } from './engine.ts'
import { type MachineHost, type MachineIdentity, machineOn } from './machine.ts'

/**
 * The label of CAPD's and kind's containers that names the cluster.
 * Source: CAPI v1.14.2 test/infrastructure/docker/internal/docker/util.go.
 */
export const clusterLabel = 'io.x-k8s.kind.cluster'
/** The label of CAPD's and kind's containers that names the role of the machine. Same source. */
export const roleLabel = 'io.x-k8s.kind.role'

// A bundle has a few. Each takes time to parse, and anyone with root in the machine can write the bundle.
const mostCertificates = 20

/** The container of a Machine, and what the Machine states about it. */
export interface MachineReference {
  container: string
  cluster: string
  /** Checked where it is given. */
  role?: MachineIdentity['role'] | undefined
  /** Hashes of the cluster CA's public key, "sha256:<hex>", as kubeadm join pins it. Checked where there are any. */
  caCertHashes?: string[]
}

/**
 * The name of the container in a providerID. It is never derived from anything else. Throws PROVIDER_ID_MISSING or
 * PROVIDER_ID_FORM.
 */
export function containerOf(providerID: string | undefined): string {
  if (!providerID) throw new UpgradeError('PROVIDER_ID_MISSING')
  // Docker's own rule for names. It excludes slashes and shell characters.
  const name = /^docker:\/\/\/\/([a-zA-Z0-9][a-zA-Z0-9_.-]*)$/.exec(providerID)?.[1]
  if (name === undefined || name.includes('..')) throw new UpgradeError('PROVIDER_ID_FORM')
  return name
}

/**
 * Finds the container of a machine and checks that it matches the reference, is running, and has its name as host name.
 * Changes nothing. Throws the CONTAINER_… errors and the errors of the engine. The caller checks the cluster's CA,
 * which is part of an observation.
 */
export async function locate(engine: Engine, { container, cluster, role }: MachineReference): Promise<Located> {
  const found = await engine.inspect(container)
  const name = found.name
  // Docker also resolves ids and prefixes of ids. With two names for one machine, two callers would not notice each
  // other.
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

/** A machine whose identity was checked, and the name of its volume at /var. */
export interface Located {
  machine: MachineHost
  varVolume: string | undefined
}

/**
 * The hashes of the CA certificates in a PEM bundle, as kubeadm pins them: "sha256:" and the SHA-256 in hex of the
 * SubjectPublicKeyInfo. Skips what is not a certificate, and everything after the first twenty certificates.
 * Source: kubeadm v1.35.4 cmd/kubeadm/app/util/pubkeypin.
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
