import { generate } from 'selfsigned'

export interface WebhookCertificate {
  cert: string
  key: string
}

// What cert-manager would make from the Certificates in the providers' manifests: signed by itself, so that it is
// what to trust too.
export async function webhookCertificate(dnsNames: string[]): Promise<WebhookCertificate> {
  const tenYears = new Date(Date.now() + 10 * 365 * 24 * 3600 * 1000)
  const { cert, private: key } = await generate([{ name: 'commonName', value: dnsNames[0] ?? '' }], {
    keyType: 'ec',
    notAfterDate: tenYears,
    extensions: [{ name: 'subjectAltName', altNames: dnsNames.map((value) => ({ type: 2, value })) }],
  })
  return { cert, key }
}
