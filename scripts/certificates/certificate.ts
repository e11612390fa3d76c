import { generate } from 'selfsigned'

// All PEM. The CA's key is nowhere: nobody can make a second certificate that this CA vouches for.
export interface Made {
  ca: string
  cert: string
  key: string
  until: Date
}

// The names under which Cluster API and people reach a Service.
export function namesOf(service: string, namespace: string): string[] {
  return [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`, 'localhost']
}

// A CA for this one time and a serving certificate of it.
export async function makeCertificate(names: string[], days: number): Promise<Made> {
  const now = Date.now()
  const until = new Date(now + days * 24 * 60 * 60 * 1000)
  // From a moment ago, for clocks that are late.
  const options = {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - 5 * 60 * 1000),
    notAfterDate: until,
  } as const
  // Whoever trusts two of these CAs at a time tells them apart by their names.
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
