import { generate } from 'selfsigned'

/**
 * A CA, and a serving certificate of it with its key, as PEM. The key of the CA is not kept, so that it issues no second
 * certificate.
 */
export interface CertificateBundle {
  ca: string
  cert: string
  key: string
  /** When both expire. */
  until: Date
}

/** The names by which Cluster API and people reach a Service. */
export function namesOf(service: string, namespace: string): string[] {
  return [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`, 'localhost']
}

/** Makes a CA and a serving certificate for these DNS names, valid from five minutes ago for so many days. */
export async function makeCertificate(names: string[], days: number): Promise<CertificateBundle> {
  const now = Date.now()
  const until = new Date(now + days * 24 * 60 * 60 * 1000)
  const options = {
    keyType: 'ec',
    algorithm: 'sha256',
    // Five minutes ago, for machines whose clocks are slow.
    notBeforeDate: new Date(now - 5 * 60 * 1000),
    notAfterDate: until,
  } as const
  // A client that trusts two of these CAs finds the issuer of a certificate by its name, so each has its own.
  const name = `capd-kubeadm-upgrader CA ${new Date(now).toISOString()}`
  const ca = await generate([{ name: 'commonName', value: name }], {
    ...options,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  })
  const serving = await generate([{ name: 'commonName', value: 'capd-kubeadm-upgrader' }], {
    ...options,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
    ],
  })
  return { ca: ca.cert, cert: serving.cert, key: serving.private, until }
}
