import { X509Certificate } from 'node:crypto'
import { UserError } from '../host/user-error.ts'
import type { CertificateBundle } from './certificate.ts'
import type { ManagementCluster } from './management-cluster.ts'

// A Secret as kubectl prints it, in part.
interface SecretObject {
  metadata: { annotations?: Record<string, string> }
  data?: Record<string, string>
}

/**
 * Applies the Secret that the pods mount and from which Cluster API takes the CA. Its `ca.crt` also has the CA that was
 * the first before, for the pods that serve the previous certificate until the kubelet has updated their volume. Throws
 * `UserError` when cert-manager owns the Secret.
 */
export async function applySecret(
  { kubectl }: ManagementCluster,
  { namespace, name }: { namespace: string; name: string },
  bundle: CertificateBundle,
): Promise<void> {
  const text = await kubectl(['get', 'secret', name, `--namespace=${namespace}`, '--ignore-not-found', '-o=json'])
  const current: SecretObject | undefined = text === '' ? undefined : JSON.parse(text)
  if (current?.metadata.annotations?.['cert-manager.io/certificate-name']) {
    const next = 'leave it to cert-manager, or delete its Certificate first'
    throw new UserError(`The Secret ${namespace}/${name} belongs to cert-manager.`, next)
  }
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/tls',
    stringData: {
      'tls.crt': bundle.cert,
      'tls.key': bundle.key,
      'ca.crt': [bundle.ca, ...previousCa(current)].map((ca) => `${ca.trim()}\n`).join(''),
    },
  }
  // A client-side apply would write the whole Secret, with its key, into an annotation too.
  const flags = ['--server-side', '--force-conflicts', '--field-manager=capd-kubeadm-upgrader']
  await kubectl(['apply', ...flags, '--filename=-'], JSON.stringify(secret))
}

// The first CA of the current Secret, unless it has expired or cannot be read.
function previousCa(current: SecretObject | undefined): string[] {
  const bundle = Buffer.from(current?.data?.['ca.crt'] ?? '', 'base64').toString()
  const [first] = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/) ?? []
  try {
    return first && new X509Certificate(first).validToDate > new Date() ? [first] : []
  } catch {
    return []
  }
}
