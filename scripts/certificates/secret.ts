import { X509Certificate } from 'node:crypto'
import { UserError } from '../host/user-error.ts'
import type { Made } from './certificate.ts'
import type { Cluster } from './cluster.ts'

interface Secret {
  metadata: { annotations?: Record<string, string> }
  data?: Record<string, string>
}

// Puts the certificate into the Secret that the pods mount and that Cluster API takes the CA from.
export async function putSecret({ kubectl }: Cluster, namespace: string, name: string, made: Made): Promise<void> {
  const text = await kubectl(['get', 'secret', name, `--namespace=${namespace}`, '--ignore-not-found', '-o=json'])
  const before: Secret | undefined = text === '' ? undefined : JSON.parse(text)
  if (before?.metadata.annotations?.['cert-manager.io/certificate-name']) {
    const next = 'leave it to cert-manager, or delete its Certificate first'
    throw new UserError(`The Secret ${namespace}/${name} is kept by cert-manager.`, next)
  }
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/tls',
    stringData: {
      'tls.crt': made.cert,
      'tls.key': made.key,
      'ca.crt': [made.ca, ...lastCa(before)].map((ca) => `${ca.trim()}\n`).join(''),
    },
  }
  // On the server's side: the other way writes the whole Secret into an annotation, too.
  const flags = ['--server-side', '--force-conflicts', '--field-manager=capd-kubeadm-upgrader']
  await kubectl(['apply', ...flags, '--filename=-'], JSON.stringify(secret))
}

// The CA of the certificate that pods go on to serve for a minute, until the kubelet has brought them the new one.
function lastCa(before: Secret | undefined): string[] {
  const bundle = Buffer.from(before?.data?.['ca.crt'] ?? '', 'base64').toString()
  const [last] = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/) ?? []
  try {
    return last && new X509Certificate(last).validToDate > new Date() ? [last] : []
  } catch {
    return []
  }
}
